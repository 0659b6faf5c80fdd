/** Leases: how endpoints join a service, stay, drain and leave. */
import type { z } from 'zod'
import { type ServiceName, serviceName } from '../../../src/names.ts'
import type { Lease, RegistryRefusal } from '../../../src/ports.ts'
import { checkEndpointUrl } from '../../../src/resources/endpointUrl.ts'
import type { Result } from '../../../src/result.ts'
import { readJson } from '../body.ts'
import { endpointBody, type endpointParams, type pageQuery, type serviceParams } from '../input.ts'
import { invalidRequest, problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'

type Params = z.output<typeof endpointParams>

const serviceOf = ({ namespace, name }: { namespace: string; name: string }): ServiceName =>
	serviceName(namespace, name)

/** A service is one DNS label below the mesh domain, and `admin` there is this API. */
function checkService({ namespace, name }: Params): Response | undefined {
	const length = namespace === 'default' ? name.length : name.length + 2 + namespace.length
	if (length > 63) {
		return invalidRequest([
			{ path: 'path.name', message: 'must be short enough for name--namespace to have 63 characters' },
		])
	}
	if (namespace !== 'default' || name !== 'admin') return undefined
	return invalidRequest([{ path: 'path.name', message: 'must not be admin, which is reserved for this API' }])
}

export async function putEndpoint({ request, params, mesh }: Call<Params, unknown>): Promise<Response> {
	const refused = checkService(params)
	if (refused !== undefined) return refused
	const body = await readJson(request, endpointBody)
	if (!body.ok) return body.error
	const wrong = checkEndpointUrl(body.value.url, mesh.settings)
	if (wrong !== undefined) return invalidRequest([{ path: 'url', message: wrong }])
	const { locality, ...rest } = body.value
	const lease = { id: params.id, ...rest, ...(locality === undefined ? {} : { locality }) }
	const service = serviceOf(params)
	const result = await mesh.registry(service).register(service, lease)
	return result.ok ? json(result.value.lease, result.value.created ? 201 : 200) : refusal(result.error)
}

export async function heartbeat({ params, mesh }: Call<Params, unknown>): Promise<Response> {
	const service = serviceOf(params)
	return leaseOr(await mesh.registry(service).heartbeat(service, params.id))
}

export async function drain({ params, mesh }: Call<Params, unknown>): Promise<Response> {
	const service = serviceOf(params)
	return leaseOr(await mesh.registry(service).drain(service, params.id))
}

export async function deleteEndpoint({ params, mesh }: Call<Params, unknown>): Promise<Response> {
	const service = serviceOf(params)
	return leaseOr(await mesh.registry(service).deregister(service, params.id))
}

export async function getEndpoint({ params, mesh }: Call<Params, unknown>): Promise<Response> {
	const service = serviceOf(params)
	const lease = (await mesh.registry(service).leases(service)).find(({ id }) => id === params.id)
	return lease === undefined ? refusal({ reason: 'no_such_endpoint', id: params.id }) : json(lease)
}

/** In order of id. */
export async function listEndpoints(
	call: Call<z.output<typeof serviceParams>, z.output<typeof pageQuery>>,
): Promise<Response> {
	const { params, query, mesh } = call
	const service = serviceOf(params)
	const leases = [...(await mesh.registry(service).leases(service))].sort((a, b) => (a.id < b.id ? -1 : 1))
	const rest = query.after === undefined ? leases : leases.filter(({ id }) => id > (query.after as string))
	const items = rest.slice(0, query.limit)
	return json(rest.length > items.length ? { items, next: items.at(-1)?.id } : { items })
}

const leaseOr = (result: Result<Lease, RegistryRefusal>): Response =>
	result.ok ? json(result.value) : refusal(result.error)

function refusal(refused: RegistryRefusal): Response {
	switch (refused.reason) {
		case 'no_such_endpoint':
			return problem('not-found', `There is no lease ${refused.id}: it ended, or never was. Register with PUT`)
		case 'too_many_endpoints':
			return problem('too-many-endpoints', `The service has ${refused.limit} endpoints, the most that it may have`)
		case 'endpoints_too_large':
			return problem(
				'too-many-endpoints',
				`With this one the service's endpoints would have more than ${refused.limit} characters as JSON: use shorter URLs or fewer labels`,
			)
	}
}
