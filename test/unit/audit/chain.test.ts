/** The audit chain: whatever is done to a log, the first entry that does not fit is named. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../../src/audit/canonicalJson.ts'
import {
	type AnsweredEntry,
	CHAIN_START,
	checkChain,
	entryHash,
	hashOfChanges,
	linkOf,
} from '../../../src/audit/chain.ts'
import { seeded } from '../../random.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A log of so many entries, oldest first. */
function logOf(count: number): AnsweredEntry[] {
	const log: AnsweredEntry[] = []
	for (let id = 1; id <= count; id++) {
		const changes = [{ key: `Service/default/s${id % 7}`, before: null, after: { id, note: `é ${id}` } }]
		const entry = {
			...{ id, at: new Date(id * 1000).toISOString(), actor: 'ana', role: 'operator', action: 'apply', revision: id },
			...{ changesCount: changes.length, changesHash: hashOfChanges(changes, sha256) },
			previousHash: log.at(-1)?.hash ?? CHAIN_START,
		}
		log.push({ ...entry, changes, hash: entryHash(entry, sha256) })
	}
	return log
}

const check = (log: readonly AnsweredEntry[], anchor?: string) =>
	checkChain(
		log.map((entry) => linkOf(entry, sha256)),
		anchor,
	)
const without = <T>(items: readonly T[], index: number): T[] => items.toSpliced(index, 1)

describe('an audit log', () => {
	it('of 10,000 entries as they were made is a chain, and its head is the hash of the newest', () => {
		const log = logOf(10_000)
		expect(check(log)).toEqual({ ok: true, value: { checked: 10_000, notWhole: 0, head: log.at(-1)!.hash } })
	})

	it('without entries is a chain that has not begun', () => {
		expect(check([])).toEqual({ ok: true, value: { checked: 0, notWhole: 0, head: CHAIN_START } })
	})

	it('is one after a journey as JSON, with its members in any order', () => {
		const turned = logOf(3).map((entry) => Object.fromEntries(Object.entries(entry).reverse()))
		expect(check(JSON.parse(JSON.stringify(turned))).ok).toBe(true)
	})

	const other: Record<string, unknown> = {
		...{ id: 99, at: '2026-01-01T00:00:00.000Z', actor: 'eve', role: 'admin', action: 'delete', revision: 99 },
		...{ changesCount: 2, changesHash: sha256('other'), previousHash: sha256('other'), hash: sha256('other') },
	}
	it.each(Object.keys(other))('of which one entry has another %s is none', (field) => {
		const log = logOf(5)
		log[2] = { ...log[2]!, [field]: other[field] }
		expect(check(log)).toMatchObject({ ok: false, error: { reason: 'altered', id: field === 'id' ? 99 : 3 } })
	})

	it.each(['revision', 'changesCount', 'changesHash'] as const)('of which one entry lost its %s is none', (field) => {
		const log = logOf(5)
		const { [field]: _, ...rest } = log[2]!
		log[2] = rest as AnsweredEntry
		expect(check(log)).toEqual({ ok: false, error: { reason: 'altered', id: 3 } })
	})

	it.each([
		['another document', { before: null, after: { id: 3, note: 'other' } }],
		['another key', { key: 'Service/default/other' }],
	])('of which one entry shows %s is none', (_, change) => {
		const log = logOf(5)
		log[2] = { ...log[2]!, changes: [{ ...log[2]!.changes![0]!, ...change }] }
		expect(check(log)).toEqual({ ok: false, error: { reason: 'changes_altered', id: 3 } })
	})

	it('of which one entry shows more than it changed is none; fewer are told of as not compared', () => {
		const log = logOf(5)
		log[2] = { ...log[2]!, changes: [...log[2]!.changes!, ...log[1]!.changes!] }
		expect(check(log)).toMatchObject({ error: { reason: 'changes_altered', id: 3 } })
		log[2] = { ...log[2]!, changes: [] }
		expect(check(log)).toMatchObject({ ok: true, value: { checked: 5, notWhole: 1 } })
	})

	it('that was changed and hashed anew is none from the next entry on', () => {
		const log = logOf(5)
		const forged = { ...log[2]!, actor: 'eve', previousHash: log[2]!.previousHash! }
		log[2] = { ...forged, hash: entryHash(forged, sha256) }
		expect(check(log)).toEqual({ ok: false, error: { reason: 'not_chained', id: 4 } })
	})

	it.each([
		['its first entry removed', (log: AnsweredEntry[]) => without(log, 0), 2],
		['an entry removed', (log: AnsweredEntry[]) => without(log, 2), 4],
		['two entries exchanged', (log: AnsweredEntry[]) => [log[0]!, log[2]!, log[1]!, log[3]!, log[4]!], 3],
		['an entry repeated', (log: AnsweredEntry[]) => log.toSpliced(2, 0, log[2]!), 3],
		['an entry of another log put in', (log: AnsweredEntry[]) => log.toSpliced(2, 0, logOf(9)[8]!), 9],
	])('with %s is none', (_, change, id) => {
		expect(check(change(logOf(5)))).toEqual({ ok: false, error: { reason: 'not_chained', id } })
	})

	it('that lost its end is noticed with an anchor, and not without', () => {
		const log = logOf(5)
		const anchor = log[4]!.hash!
		expect(check(log.slice(0, 3)).ok).toBe(true)
		expect(check(log.slice(0, 3), anchor)).toEqual({ ok: false, error: { reason: 'anchor_missing' } })
		expect(check([], anchor).ok).toBe(false)
		expect(check(logOf(8), anchor).ok).toBe(true)
		expect(check([], CHAIN_START).ok).toBe(true)
	})

	it('made anew from some entry on is noticed with an anchor after it', () => {
		const log = logOf(5)
		const anew = { ...log[2]!, actor: 'eve', previousHash: log[2]!.previousHash! }
		const forged = [...log.slice(0, 2), { ...anew, hash: entryHash(anew, sha256) }]
		expect(check(forged).ok).toBe(true)
		expect(check(forged, log[3]!.hash!)).toEqual({ ok: false, error: { reason: 'anchor_missing' } })
	})

	it('without hashes says that it cannot be checked', () => {
		const { hash: _, ...entry } = logOf(1)[0]!
		expect(check([entry])).toEqual({ ok: false, error: { reason: 'no_hash', id: 1 } })
	})

	it('changed in any one place at random is none, or misses what it changed', () => {
		const seed = 20_261_123
		const random = seeded(seed)
		const log = logOf(50)
		for (let round = 0; round < 300; round++) {
			const text = JSON.stringify(log)
			const at = Math.floor(random() * text.length)
			const unit = text[at]!
			if (!/[0-9a-z]/.test(unit)) continue
			const changed = `${text.slice(0, at)}${unit === '1' ? '2' : unit === 'a' ? 'b' : /\d/.test(unit) ? '1' : 'a'}${text.slice(at + 1)}`
			let parsed: AnsweredEntry[]
			try {
				parsed = JSON.parse(changed)
			} catch {
				continue
			}
			const checked = check(parsed, log.at(-1)!.hash!)
			const isWhole = checked.ok && checked.value.notWhole === 0
			expect(isWhole, `seed ${seed}, round ${round}: ${text.slice(at - 20, at + 20)}`).toBe(false)
		}
	})
})

describe('canonical JSON', () => {
	it.each([
		// RFC 8785 §3.2.2 and §3.2.3.
		[
			{ numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001], literals: [null, true, false] },
			'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
		],
		[
			{ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 },
			'{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
		],
		[{ b: undefined, a: -0 }, '{"a":0}'],
		['\u000f\n"\\/', '"\\u000f\\n\\"\\\\/"'],
	])('writes %j as the RFC does', (value, text) => {
		expect(canonicalJson(value)).toBe(text)
	})
})
