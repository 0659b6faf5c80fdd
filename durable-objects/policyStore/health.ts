/** What each service's registry is to check: derived with every build, stored with it, and told until it is acknowledged. */
import type { ResourceKey, ServiceName } from '../../src/names.ts'
import type { EndpointWatch, ServiceHealth, ServiceRegistryPort } from '../../src/ports.ts'
import type { Service } from '../../src/resources/service.ts'
import type { Built } from '../../src/snapshot/build.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import type { ServiceTarget } from '../../src/snapshot/snapshot.ts'
import { readLongText, storeLongText } from '../longTexts.ts'
import { within } from '../within.ts'

export interface Registries {
	getByName(service: ServiceName): Pick<ServiceRegistryPort, 'watch'>
}

interface WatchRow extends Record<string, SqlStorageValue> {
	service: string
	version: number
	told: number
	health_check: string | null
	fixed: string
}

/** Fewer than the six connections that may wait at once: replicas are pushed to meanwhile. */
const LANES = 3
/** Told before anybody looks again whether there are more. */
const BATCH = 100
/** A registry that takes longer is told again later. */
const TELL_TIMEOUT_MS = 5_000
/** What is no longer checked is forgotten after this long. Until then its version stands against messages that come late. */
const FORGET_AFTER_MS = 3_600_000
/** Whose health is counted. */
const MAX_COUNTED = 10_000

/**
 * Stores what the build says of each Service's checks, where it differs from what is stored. Versions are times, in ms since
 * the epoch or later, so that they go on growing after a watch was forgotten, or the store put back to an earlier state.
 */
export function storeWatches(
	sql: SqlStorage,
	index: ResourceIndex,
	built: ReadonlyMap<ResourceKey, Built>,
	now: number,
): void {
	for (const [key, { health }] of built) {
		if (health === undefined) continue
		const service = key.slice('Service/'.length)
		const check = health === null ? null : JSON.stringify(health)
		const fixed = JSON.stringify(check === null ? [] : fixedEndpoints(index, key))
		const [stored] = sql.exec<WatchRow>('SELECT * FROM watches WHERE service = ?', service)
		if (stored === undefined && check === null) continue
		if (stored?.health_check === check && readLongText(sql, 'watches', service, stored.fixed) === fixed) continue
		sql.exec(
			`INSERT INTO watches (service, version, told, health_check, fixed) VALUES (?, ?, 0, ?, ?) ON CONFLICT (service) DO
				UPDATE SET version = excluded.version, health_check = excluded.health_check, fixed = excluded.fixed`,
			service,
			Math.max(now, (stored?.version ?? 0) + 1),
			check,
			storeLongText(sql, 'watches', service, fixed),
		)
	}
}

/** Whether a registry may not know what to check. */
export const hasUntold = (sql: SqlStorage): boolean =>
	sql.exec('SELECT 1 FROM watches WHERE told < version LIMIT 1').toArray().length > 0

/** Tells every registry that may not know, once. One that cannot be reached is left to the next call, and holds up no other. */
export async function tellRegistries(sql: SqlStorage, registries: Registries): Promise<void> {
	for (let after = ''; ; ) {
		const rows = sql
			.exec<WatchRow>(
				'SELECT * FROM watches WHERE told < version AND service > ? ORDER BY service LIMIT ?',
				after,
				BATCH,
			)
			.toArray()
		const queue = rows.values()
		const lane = async () => {
			for (const row of queue) await tell(sql, registries, row)
		}
		await Promise.all(Array.from({ length: LANES }, lane))
		if (rows.length < BATCH) return
		after = rows.at(-1)!.service
	}
}

async function tell(sql: SqlStorage, registries: Registries, row: WatchRow): Promise<void> {
	const { service, version } = row
	try {
		await within(TELL_TIMEOUT_MS, registries.getByName(service).watch(service, watchOf(sql, row)))
		sql.exec('UPDATE watches SET told = MAX(told, ?) WHERE service = ?', version, service)
	} catch (error) {
		console.warn(JSON.stringify({ event: 'registry_not_told', service, version, error: String(error) }))
	}
}

function watchOf(sql: SqlStorage, { service, version, health_check, fixed }: WatchRow): EndpointWatch {
	const check = health_check === null ? null : JSON.parse(health_check)
	return { version, check, fixed: JSON.parse(readLongText(sql, 'watches', service, fixed)!) }
}

/** Drops what registries have forgotten since long. */
export function forgetWatches(sql: SqlStorage, now: number): void {
	sql.exec('DELETE FROM watches WHERE health_check IS NULL AND told = version AND version < ?', now - FORGET_AFTER_MS)
}

/**
 * What the snapshot says of each service that is checked. It has what the registries found out: asking each of them would wake ten
 * thousand objects to learn what is here.
 */
export function countHealth(sql: SqlStorage): ServiceHealth[] {
	const rows = sql.exec<{ service: string; part: string; body: string }>(
		`SELECT service, parts.name AS part, body FROM watches JOIN parts ON parts.name = 'service/' || service
			WHERE health_check IS NOT NULL AND body IS NOT NULL ORDER BY service LIMIT ?`,
		MAX_COUNTED,
	)
	return Array.from(rows, ({ service, part, body }) => {
		const { endpoints } = JSON.parse(readLongText(sql, 'parts', part, body)!) as ServiceTarget
		const unhealthy = endpoints.filter((endpoint) => endpoint.unhealthy === true).length
		return { service, healthy: endpoints.length - unhealthy, unhealthy }
	})
}

function fixedEndpoints(index: ResourceIndex, key: ResourceKey): EndpointWatch['fixed'] {
	const service = index.get(key)?.resource as Service | undefined
	return (service?.spec.endpoints ?? []).map(({ id, url }) => ({ id, url }))
}
