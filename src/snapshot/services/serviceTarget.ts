/** A service as proxies see it: the endpoints its document fixes, those that hold a lease, and what is added to requests. */
import { resourceKey, type ServiceName } from '../../names.ts'
import { isInClear } from '../../resources/endpointUrl.ts'
import type { Service } from '../../resources/service.ts'
import type { PolicyRules } from '../policies/policyRules.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import type { Endpoint, ServiceTarget } from '../snapshot.ts'
import { resolveCredential } from './credential.ts'

const keyOfService = (service: ServiceName) => {
	const slash = service.indexOf('/')
	return resourceKey('Service', service.slice(0, slash), service.slice(slash + 1))
}

/** A service exists by its document, or by registration alone. */
export function hasService(service: ServiceName, index: ResourceIndex): boolean {
	return index.get(keyOfService(service)) !== undefined || index.leased(service) !== undefined
}

/**
 * The service's endpoints in a stable order; a leased endpoint wins over a fixed one of the same id. Of a service with a
 * credential only those take traffic that its secret reaches unread.
 */
export function serviceTarget(service: ServiceName, index: ResourceIndex, rules: PolicyRules): ServiceTarget {
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
	const credential = document && resolveCredential(document, index)
	// Of a document such an endpoint is refused. A lease is granted without asking what the document says.
	for (const endpoint of index.leased(service) ?? [])
		if (credential === undefined || !isInClear(endpoint.url)) endpoints.set(endpoint.id, endpoint)
	for (const id of index.unhealthy(service)) {
		const endpoint = endpoints.get(id)
		if (endpoint !== undefined) endpoints.set(id, { ...endpoint, unhealthy: true })
	}
	return {
		kind: 'service',
		service,
		endpoints: [...endpoints.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
		...(document?.spec.external === true ? { external: true } : {}),
		...(credential === undefined ? {} : { credential }),
		...rules,
	}
}
