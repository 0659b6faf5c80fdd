/** A service as proxies see it: the endpoints its document fixes, and those that hold a lease. */
import { resourceKey, type ServiceName } from '../names.ts'
import type { Service } from '../resources/service.ts'
import type { ResourceIndex } from './resourceIndex.ts'
import type { Endpoint, ServiceTarget } from './snapshot.ts'

const keyOfService = (service: ServiceName) => {
	const slash = service.indexOf('/')
	return resourceKey('Service', service.slice(0, slash), service.slice(slash + 1))
}

/** A service exists by its document, or by registration alone. */
export function hasService(service: ServiceName, index: ResourceIndex): boolean {
	return index.get(keyOfService(service)) !== undefined || index.leased(service) !== undefined
}

/** The service's endpoints in a stable order; a leased endpoint wins over a fixed one of the same id. */
export function serviceTarget(service: ServiceName, index: ResourceIndex): ServiceTarget {
	const document = index.get(keyOfService(service))?.resource as Service | undefined
	const endpoints = new Map<string, Endpoint>()
	for (const { id, url, weight, labels, locality } of document?.spec.endpoints ?? [])
		endpoints.set(id, {
			id,
			url,
			weight,
			...(Object.keys(labels).length > 0 ? { labels } : {}),
			...(locality === undefined ? {} : { locality }),
		})
	for (const endpoint of index.leased(service) ?? []) endpoints.set(endpoint.id, endpoint)
	return {
		kind: 'service',
		service,
		endpoints: [...endpoints.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
	}
}
