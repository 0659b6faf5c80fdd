/** Which region a location belongs to: the mesh keeps one replica and one telemetry store in each. */

/** Durable Objects' location hints (https://developers.cloudflare.com/durable-objects/reference/data-location/). */
export type Region = 'wnam' | 'enam' | 'sam' | 'weur' | 'eeur' | 'apac' | 'oc' | 'afr' | 'me'

const REGIONS: ReadonlySet<string> = new Set<Region>(['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'])

/** Where to make a region's objects: in it. A region by another name, as in local runs, has them anywhere. */
export const placement = (region: string): { readonly locationHint?: Region } =>
	REGIONS.has(region) ? { locationHint: region as Region } : {}

/** What the platform tells about where a request arrived. */
export interface Place {
	readonly continent?: unknown
	readonly country?: unknown
	readonly longitude?: unknown
}

const MIDDLE_EAST = new Set(['AE', 'BH', 'IL', 'IQ', 'IR', 'JO', 'KW', 'LB', 'OM', 'PS', 'QA', 'SA', 'SY', 'TR', 'YE'])

/** The region of a place; North America and Europe are cut at 100° W and 15° E. Unknown places count as `enam`. */
export function regionOf(place: Place | undefined): Region {
	const longitude = Number(place?.longitude)
	if (MIDDLE_EAST.has(String(place?.country))) return 'me'
	switch (place?.continent) {
		case 'NA':
			return longitude < -100 ? 'wnam' : 'enam'
		case 'EU':
			return longitude > 15 ? 'eeur' : 'weur'
		case 'SA':
			return 'sam'
		case 'AS':
			return 'apac'
		case 'OC':
			return 'oc'
		case 'AF':
			return 'afr'
		default:
			return 'enam'
	}
}
