/** When documents from outside are fetched again. */
import { describe, expect, it } from 'vitest'
import { dueSources, type Source } from '../../../src/keys/refresh.ts'
import type { FetchedInfo } from '../../../src/ports.ts'

const NOW = 1_000_000_000
const MINUTE = 60_000
const URL = 'https://partner.example/bundle'
const info = (more: Partial<FetchedInfo> = {}): FetchedInfo => ({
	...{ name: 'partner.example', kind: 'trustDomain', url: URL, fetchedAt: NOW, triedAt: NOW },
	...more,
})
/** After how many minutes, asked once a minute, it is fetched again. */
function minutes(source: Partial<Source>, known: FetchedInfo): number {
	for (let i = 0; i < 3_000; i++)
		if (dueSources([{ name: known.name, url: URL, ...source }], [known], NOW + i * MINUTE).length > 0) return i
	return Number.POSITIVE_INFINITY
}

describe('a document', () => {
	it.each([
		['after five minutes when nobody says', 5, {}, {}],
		['as often as it says', 10, {}, { refreshHintSeconds: 600 }],
		['as often as operators say, whatever it says', 2, { intervalMs: 2 * MINUTE }, { refreshHintSeconds: 600 }],
		['once a minute at most', 1, {}, { refreshHintSeconds: 1 }],
		['once a minute at most, whatever nonsense it says', 1, {}, { refreshHintSeconds: -5 }],
		['once a day at least', 1_440, {}, { refreshHintSeconds: 2_419_200 }],
		['no earlier for having failed', 10, {}, { refreshHintSeconds: 600, failure: 'down' }],
		['once a minute while nothing is known of it', 1, { intervalMs: 10 * MINUTE }, { fetchedAt: 0, failure: 'down' }],
		['at once from another URL', 0, { url: 'https://elsewhere.example' }, {}],
	])('is fetched again %s', (_, expected, source, known) => {
		expect(minutes(source, info(known))).toBe(expected)
	})

	it('that is asked for once a minute is not put off by a clock that is a little early', () => {
		const source = { name: 'partner.example', url: URL, intervalMs: MINUTE }
		expect(dueSources([source], [info()], NOW + MINUTE - 900)).toHaveLength(1)
		expect(dueSources([source], [info()], NOW + MINUTE / 2 - 1)).toHaveLength(0)
	})
})

it('what was tried longest ago is first, and what never was is before all', () => {
	const known = [info({ name: 'a', triedAt: NOW }), info({ name: 'b', triedAt: NOW - 1 })]
	const due = dueSources([{ name: 'a' }, { name: 'b' }, { name: 'c' }], known, NOW + 1_000 * MINUTE)
	expect(due.map(({ name }) => name)).toEqual(['c', 'b', 'a'])
})
