/** The features that are measured, and the proofs that they act: a proof that a plain rule would pass proves nothing. */
import { describe, expect, test } from 'vitest'
import { FEATURES } from '../../../scripts/bench/features/all.ts'
import type { Evidence, Feature } from '../../../scripts/bench/features/feature.ts'
import { readRequest, requestText } from '../../../scripts/bench/httpFraming.ts'
import { WISH_FIELD } from '../../../scripts/bench/wishes.ts'

/** What would come of the proof's requests if its rule only sent them on. */
function asByPlainRule({ name, request, learn, proof }: Feature): Evidence {
	const headers = { ...request?.headers, ...proof.headers }
	const { head } = readRequest(requestText({ host: 'bench.example.com', path: `/${name}/item`, ...request, headers }))!
	const usual = { status: 200, headers: { 'content-type': 'text/plain' }, body: 'a'.repeat(100) }
	const wished: Record<string, Evidence['answers'][number]> = {
		show: { ...usual, body: head },
		failure: { ...usual, status: 503, body: '' },
	}
	const { times = 1 } = proof
	const answer = wished[proof.headers?.[WISH_FIELD] ?? ''] ?? usual
	return { answers: Array.from({ length: times }, () => answer), received: times, learned: learn?.(usual) ?? {} }
}

describe.each(FEATURES.map((feature) => [feature.title, feature] as const))('%s', (_, feature) => {
	test('is not proved by what a plain rule does', () => {
		expect(feature.proof.holds(asByPlainRule(feature))).toBe(false)
	})

	test('refers to nothing that it does not bring along', () => {
		const wanted = [...JSON.stringify(feature.rules).matchAll(/"kind":"(\w+)","name":"([\w-]+)"/g)]
		const brought = (feature.documents ?? []).map(({ kind, metadata }) => [kind, (metadata as { name: string }).name])
		expect(brought).toEqual(expect.arrayContaining(wanted.map(([, kind, name]) => [kind, name])))
	})
})

test('no two features share a path or a row', () => {
	for (const field of ['name', 'title'] as const)
		expect(new Set(FEATURES.map((feature) => feature[field])).size).toBe(FEATURES.length)
})

test('no path is the beginning of another, which would take its requests', () => {
	for (const { name } of FEATURES)
		expect(
			FEATURES.filter((other) => other.name !== name && other.name.startsWith(`${name}/`)),
			name,
		).toEqual([])
})
