/** Fields that an authorizer writes: what a client wrote there decides nothing, as where Istio asks the authorizer first. */
import { describe, expect, it } from 'vitest'
import type { AccessPolicy, AccessRule } from '../../../src/snapshot/authorization.ts'
import { ask, custom, policy } from './asked.ts'

const PUT: readonly AccessRule[] = [{ to: [{ methods: ['PUT'] }] }]
const role = (lists: { readonly values?: string[]; readonly notValues?: string[] }): readonly AccessRule[] => [
	{ when: [{ key: { of: 'header', name: 'x-auth-role' }, ...lists }] },
]
const headers = { 'x-auth-role': 'admin' }

function writing(fields: readonly string[], rules: readonly AccessRule[] = [{}]): AccessPolicy {
	const one = custom('opa', rules)
	return one.action === 'CUSTOM' ? { ...one, authorizer: { ...one.authorizer, headersToUpstreamOnAllow: fields } } : one
}

describe('a field that an authorizer writes', () => {
	it.each<[string, AccessPolicy, AccessPolicy, boolean]>([
		['admits nobody', writing(['x-auth-role']), policy('ALLOW', role({ values: ['admin'] })), false],
		['is one by its beginning', writing(['x-auth-*']), policy('ALLOW', role({ values: ['*'] })), false],
		['is one by its end', writing(['*-role']), policy('ALLOW', role({ values: ['admin'] })), false],
		['saves nobody from a DENY', writing(['x-auth-role']), policy('DENY', role({ notValues: ['admin'] })), false],
		['is no other field', writing(['x-auth']), policy('ALLOW', role({ values: ['admin'] })), true],
		[
			'is the client’s where none is asked',
			writing(['x-auth-role'], PUT),
			policy('ALLOW', role({ values: ['admin'] })),
			true,
		],
	])('%s', (_, asking, other, allowed) => {
		for (const layers of [[[asking, other]], [[other], [asking]]])
			expect(ask(layers, { headers }).allowed).toBe(allowed)
	})

	it('still says whether its authorizer is asked', () => {
		const asked = { ...writing(['x-auth-role']), rules: role({ values: ['admin'] }) }
		expect(ask([[asked]], { headers }).authorizers).toHaveLength(1)
	})
})
