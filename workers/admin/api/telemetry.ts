/** What the regions report: Prometheus metrics, and a summary for people. */
import { ownsName } from '../../../src/namespaces.ts'
import type { AccessCount, RequestSeries } from '../../../src/ports.ts'
import { accessKey } from '../../../src/telemetry/accessCounts.ts'
import { exposition } from '../../../src/telemetry/exposition.ts'
import { keyExposition } from '../../../src/telemetry/keyExposition.ts'
import { tokenExposition } from '../../../src/telemetry/tokenExposition.ts'
import type { Mesh } from '../mesh.ts'
import { json, text } from '../reply.ts'
import type { Call } from '../route.ts'
import { isUnavailable } from '../unavailable.ts'
import { listFetched } from './keys.ts'
import { ownTelemetry } from './ownTelemetry.ts'
import type { RegionView } from './regionView.ts'

export async function regionViews(mesh: Mesh): Promise<readonly RegionView[]> {
	const regions = await mesh.policyStore().regions()
	return Promise.all(
		regions.map(async (region): Promise<RegionView> => {
			try {
				return { ...(await mesh.telemetry(region).read(region)), reachable: true }
			} catch (error) {
				if (!isUnavailable(error)) throw error
				return { region, series: [], overflow: 0, syncFailures: 0, ejections: [], isolates: [], reachable: false }
			}
		}),
	)
}

/**
 * An unreachable region is left out: counters that fall to zero and come back would read as restarts. Keys and tokens are the whole
 * mesh's.
 */
export async function metrics({ principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	// A store of an older version cannot tell. For the minutes of an update its page is shorter, rather than an error.
	const health = mesh
		.policyStore()
		.endpointHealth()
		.catch(() => [])
	const ofMesh = principal.namespaces === undefined ? [keyMetrics(mesh), tokenMetrics(mesh)] : []
	const [views, healths, ...pages] = await Promise.all([regionViews(mesh), health, ...ofMesh])
	const regions = views.filter((view) => view.reachable).map((view) => ownTelemetry(view, principal))
	const own = healths.filter(({ service }) => ownsName(principal, service))
	return text(exposition(regions, own) + pages.join(''), 'text/plain; version=0.0.4; charset=utf-8')
}

/** Nothing while the ring cannot be reached: what is not known must not look like what is well. */
async function keyMetrics(mesh: Mesh): Promise<string> {
	try {
		const [info, fetched] = await Promise.all([mesh.keyRing().info(), listFetched(mesh)])
		return keyExposition(info, fetched, mesh.now())
	} catch (error) {
		if (!isUnavailable(error)) throw error
		return ''
	}
}

/** Nothing while a store of an older version tells nothing. */
const tokenMetrics = (mesh: Mesh): Promise<string> =>
	mesh
		.policyStore()
		.listTokens()
		.then(
			(tokens) => tokenExposition(tokens, mesh.now()),
			() => '',
		)

interface ServiceCounts {
	readonly service: string
	requests: number
	/** 5xx of any origin, and requests whose client left. */
	errors: number
	/** Replies that the mesh made itself. */
	refusals: number
	latencySumMs: number
}

function countByService(series: readonly RequestSeries[]): ServiceCounts[] {
	const counts = new Map<string, ServiceCounts>()
	for (const { service, status, refusal, count, latencySumMs } of series) {
		const entry = counts.get(service) ?? { service, requests: 0, errors: 0, refusals: 0, latencySumMs: 0 }
		entry.requests += count
		entry.errors += status >= 500 || status === 0 ? count : 0
		entry.refusals += refusal === '' ? 0 : count
		entry.latencySumMs += latencySumMs
		counts.set(service, entry)
	}
	return [...counts.values()].sort((a, b) => b.requests - a.requests)
}

/** Over all regions, the most frequent first. */
function addAccess(views: readonly RegionView[]): AccessCount[] {
	const rows = new Map<string, AccessCount>()
	for (const row of views.flatMap(({ access = [] }) => access)) {
		const before = rows.get(accessKey(row))
		rows.set(accessKey(row), before === undefined ? row : { ...row, count: before.count + row.count })
	}
	return [...rows.values()].sort((a, b) => b.count - a.count)
}

const MAX_SERVICES_SHOWN = 500
const MAX_ACCESS_SHOWN = 500
/** Of each region. */
const MAX_EJECTED_SHOWN = 500

export async function summary({ principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const [{ revision }, all] = await Promise.all([mesh.policyStore().ready(), regionViews(mesh)])
	const views = all.map((view) => ownTelemetry(view, principal))
	const services = countByService(views.flatMap((view) => view.series))
	const access = addAccess(views)
	return json({
		revision,
		regions: views.map(({ region, reachable, isolates, overflow, syncFailures, ejections }) => ({
			region,
			reachable,
			overflow,
			syncFailures,
			isolates: isolates.length,
			oldestRevision: isolates.length === 0 ? null : Math.min(...isolates.map((isolate) => isolate.revision)),
			oldestSnapshotAgeMs: isolates.reduce((oldest, isolate) => Math.max(oldest, isolate.snapshotAgeMs), 0),
			ejected: ejections
				.flatMap(({ service, current }) => current.map(({ id }) => ({ service, endpoint: id })))
				.slice(0, MAX_EJECTED_SHOWN),
		})),
		services: services.slice(0, MAX_SERVICES_SHOWN),
		servicesLeftOut: Math.max(0, services.length - MAX_SERVICES_SHOWN),
		access: access.slice(0, MAX_ACCESS_SHOWN),
		accessLeftOut: Math.max(0, access.length - MAX_ACCESS_SHOWN),
	})
}
