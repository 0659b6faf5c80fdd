/** Places and their regions. */
import { describe, expect, it } from 'vitest'
import { type Place, regionOf } from '../../src/region.ts'

describe('regionOf', () => {
	it.each<[string, Place | undefined, string]>([
		['San Francisco', { continent: 'NA', country: 'US', longitude: '-122.4' }, 'wnam'],
		['New York', { continent: 'NA', country: 'US', longitude: '-74.0' }, 'enam'],
		['the line in North America', { continent: 'NA', longitude: '-100' }, 'enam'],
		['North America without a longitude', { continent: 'NA' }, 'enam'],
		['Frankfurt', { continent: 'EU', country: 'DE', longitude: '8.7' }, 'weur'],
		['Warsaw', { continent: 'EU', country: 'PL', longitude: '21.0' }, 'eeur'],
		['the line in Europe', { continent: 'EU', longitude: '15' }, 'weur'],
		['Europe without a longitude', { continent: 'EU' }, 'weur'],
		['a longitude that is a number', { continent: 'EU', longitude: 21 }, 'eeur'],
		['São Paulo', { continent: 'SA', country: 'BR' }, 'sam'],
		['Tokyo', { continent: 'AS', country: 'JP' }, 'apac'],
		['Sydney', { continent: 'OC', country: 'AU' }, 'oc'],
		['Nairobi', { continent: 'AF', country: 'KE' }, 'afr'],
		['Dubai, in Asia', { continent: 'AS', country: 'AE', longitude: '55.3' }, 'me'],
		['Istanbul, in Europe', { continent: 'EU', country: 'TR', longitude: '28.9' }, 'me'],
		['Antarctica', { continent: 'AN' }, 'enam'],
		['nowhere', undefined, 'enam'],
		['nonsense', { continent: 7, country: {}, longitude: 'west' }, 'enam'],
	])('%s', (_, place, region) => {
		expect(regionOf(place)).toBe(region)
	})
})
