/** The catalog of services, as this region's replica has it: one, all, or what changes next. */
import type { z } from 'zod'
import { serviceName } from '../../../src/names.ts'
import type { CatalogEntry, HealthStatus } from '../../../src/ports.ts'
import type { Endpoint } from '../../../src/snapshot/snapshot.ts'
import { etagOf, noneMatchNames } from '../etag.ts'
import { pageOf, type serviceParams, type servicesQuery, type waitQuery } from '../input.ts'
import type { Mesh } from '../mesh.ts'
import { problem } from '../problem.ts'
import { json, notModified } from '../reply.ts'
import type { Call } from '../route.ts'
import { catalogPage } from './catalog.ts'

/** How often a listing that somebody waits for is looked at again. */
const LOOK_AGAIN_MS = 500
/** Listings waited for at once in one isolate. */
const MAX_WAITING = 256
let waiting = 0

/**
 * One page. With `If-None-Match` and `wait` answers as soon as the whole listing differs, or, for who is limited to namespaces, the
 * page; 304 when the time is up (as Consul's blocking queries do). A replica can be waited on for one service only, so a listing is looked at again.
 */
export async function listServices(call: Call<unknown, z.output<typeof servicesQuery>>): Promise<Response> {
	const { request, query, principal, mesh } = call
	const region = mesh.regionOf(request)
	const known = request.headers.get('if-none-match')
	const read = () => catalogPage(mesh, region, principal, pageOf(query))
	const deadlineMs = mesh.now() + query.wait
	let page = await read()
	if (query.wait > 0 && noneMatchNames(known, etagOf(page.version))) {
		if (waiting >= MAX_WAITING) return tooManyWaiting()
		waiting++
		try {
			while (noneMatchNames(known, etagOf(page.version)) && mesh.now() < deadlineMs) {
				await mesh.sleep(Math.min(LOOK_AGAIN_MS, deadlineMs - mesh.now()))
				page = await read()
			}
		} finally {
			waiting--
		}
	}
	const { version, items, ...rest } = page
	const etag = etagOf(version)
	if (noneMatchNames(known, etag)) return notModified(etag)
	return json({ items: items.map((entry) => shownEntry(entry)), ...rest }, 200, { etag })
}

const tooManyWaiting = (): Response =>
	problem('unavailable', `${MAX_WAITING} listings are already waited for here; ask without wait`, {
		headers: { 'retry-after': '5' },
	})

export async function getService(
	call: Call<z.output<typeof serviceParams>, z.output<typeof waitQuery>>,
): Promise<Response> {
	const { request, params, query, mesh } = call
	const region = mesh.regionOf(request)
	const name = serviceName(params.namespace, params.name)
	const known = request.headers.get('if-none-match')
	let entry = await mesh.replica(region).service(region, name)
	if (entry !== null && query.wait > 0 && noneMatchNames(known, etagOf(entry.version))) {
		const { version } = entry
		entry = await mesh.replica(region).service(region, name, { version, waitMs: query.wait })
	}
	if (entry === null) return problem('not-found', `There is no service ${name}`)
	const etag = etagOf(entry.version)
	if (noneMatchNames(known, etag)) return notModified(etag)
	return json(shownEntry(entry, await healthOf(entry, mesh)), 200, { etag })
}

type Healths = Readonly<Record<string, HealthStatus>>

/**
 * Since when an endpoint fails its checks, and how, stands in its registry alone, and changes only when the entry does. The
 * catalog answers without it where the registry does not.
 */
async function healthOf({ namespace, name, endpoints }: CatalogEntry, mesh: Mesh): Promise<Healths> {
	if (endpoints.every(({ unhealthy }) => unhealthy !== true)) return {}
	const service = serviceName(namespace, name)
	return mesh
		.registry(service)
		.health(service)
		.catch(() => ({}))
}

const shownEntry = ({ endpoints, ...entry }: CatalogEntry, healths: Healths = {}): object => ({
	...entry,
	endpoints: endpoints.map((endpoint) => shownEndpoint(endpoint, healths[endpoint.id])),
})

/** One that nobody checks counts as healthy. */
function shownEndpoint({ unhealthy, joinedAt, ...endpoint }: Endpoint, status: HealthStatus | undefined): object {
	const healthy = unhealthy !== true
	return {
		...endpoint,
		...(joinedAt !== undefined && { joinedAt: new Date(joinedAt).toISOString() }),
		// What the region's proxies know counts: its registry may be ahead of them.
		health: status?.healthy === healthy ? status : { healthy },
	}
}
