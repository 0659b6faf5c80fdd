/** What policies did is counted whole, and told in as many lines as one can read. */
import { describe, expect, it } from 'vitest'
import type { AccessVerdict } from '../../../../src/authorization/decide.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import { createAccessNotes } from '../../../../src/proxy/observing/accessNotes.ts'
import type { Refusal } from '../../../../src/proxy/refusal.ts'
import { NOW, serviceNamed } from './observed.ts'

const ADMITTED: AccessVerdict = { allowed: true, authorizers: [], audited: [] }
const DENIED: Refusal = { reason: 'access_denied', ...({ policy: 'd/p' } as object) } as Refusal

function noted() {
	const lines: Record<string, unknown>[] = []
	const notes = createAccessNotes((line) => lines.push(JSON.parse(line)), 'weur')
	const note = (access: AccessVerdict | undefined, refusal?: Refusal, now = NOW) => {
		const exchange = admit(new Request('http://h.test/a?b=c'), NOW, () => 0)
		exchange.service = serviceNamed('d/a')
		if (access !== undefined) exchange.access = access
		notes.note(exchange, refusal, now)
	}
	return { lines, note, drain: () => notes.drain()?.access.map(({ effect, policy, count }) => [effect, policy, count]) }
}

describe('policies', () => {
	it('that nobody was asked about leave nothing', () => {
		const { note, drain, lines } = noted()
		note(undefined)
		note(ADMITTED)
		expect([drain(), lines]).toEqual([undefined, []])
	})

	it('whose authorizer refuses are counted by name, and not for what is refused for something else', () => {
		const { note, drain } = noted()
		const refused = { ...ADMITTED, allowed: false, by: { policy: 'd/custom' } }
		note(refused, { reason: 'authorizer_unavailable', authorizer: 'opa', status: 403, detail: 'gone' })
		note(ADMITTED, { reason: 'no_endpoint', service: 'd/a' })
		expect(drain()).toEqual([['denied', 'd/custom', 1]])
	})

	it('that refuse are counted by name, and by none where no ALLOW admits', () => {
		const { note, drain, lines } = noted()
		for (const by of [{ policy: 'd/p' }, { policy: 'd/p' }, undefined])
			note({ ...ADMITTED, allowed: false, ...(by && { by }) }, DENIED)
		expect(drain()).toEqual([
			['denied', 'd/p', 2],
			['denied', '', 1],
		])
		expect(lines).toEqual([])
	})

	it('that cannot be asked about a path which is spelled ambiguously are counted so, by no name', () => {
		const { note, drain, lines } = noted()
		note(undefined, { reason: 'ambiguous_path', form: 'an empty segment' })
		note(undefined, { reason: 'invalid_token', code: 'expired', detail: '' })
		expect(drain()).toEqual([['ambiguous', '', 1]])
		expect(lines).toEqual([])
	})

	it('that audit, or would change the verdict, are counted and told', () => {
		const { note, drain, lines } = noted()
		note({ ...ADMITTED, audited: ['d/a1', 'd/a2'], dryRun: { allowed: false, by: { policy: 'd/dry' } } })
		note({ ...ADMITTED, allowed: false, dryRun: { allowed: true, by: { policy: 'd/dry' } } }, DENIED)
		expect(drain()).toEqual([
			['audited', 'd/a1', 1],
			['audited', 'd/a2', 1],
			['would_refuse', 'd/dry', 1],
			['denied', '', 1],
			['would_admit', 'd/dry', 1],
		])
		expect(lines.map(({ effect, policy, path, service }) => [effect, policy, path, service])).toEqual([
			['audited', 'd/a1', '/a', 'd/a'],
			['audited', 'd/a2', '/a', 'd/a'],
			['would_refuse', 'd/dry', '/a', 'd/a'],
			['would_admit', 'd/dry', '/a', 'd/a'],
		])
	})

	it('are told in twenty lines a second; the next one says how many it stands for', () => {
		const { note, drain, lines } = noted()
		for (let i = 0; i < 50; i++) note({ ...ADMITTED, audited: ['d/p'] }, undefined, NOW + i)
		expect(lines.length).toBe(20)
		note({ ...ADMITTED, audited: ['d/p'] }, undefined, NOW + 1_000)
		expect([lines.length, lines[20]!.leftOut, lines[0]!.leftOut]).toEqual([21, 30, undefined])
		expect(drain()).toEqual([['audited', 'd/p', 51]])
	})
})
