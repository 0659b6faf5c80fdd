/** What a request is known by, where its endpoint depends on that. */
import { expect, it } from 'vitest'
import { type Asking, keyOf } from '../../../../src/proxy/sending/hashOn.ts'
import type { HashKey } from '../../../../src/snapshot/trafficPolicy.ts'
import { callerOf } from '../../matching/caller.ts'

const headers = new Headers({ 'x-user': 'u1', cookie: 'a=1; session="s 2"; empty=' })
const query = new URLSearchParams('who=q1&who=q2&none=')
const asking: Asking = {
	header: (name) => headers.get(name),
	queryParam: (name) => query.get(name),
	caller: callerOf('shop', 'cart'),
	clientAddress: '192.0.2.1',
}
const nobody: Asking = { header: () => null, queryParam: () => null, caller: undefined, clientAddress: '' }

it.each<[HashKey, string | undefined]>([
	[{ from: 'header', name: 'x-user' }, 'u1'],
	[{ from: 'header', name: 'x-other' }, undefined],
	[{ from: 'cookie', name: 'session' }, 's 2'],
	[{ from: 'cookie', name: 'sess' }, undefined],
	[{ from: 'cookie', name: 'empty' }, ''],
	[{ from: 'query', name: 'who' }, 'q1'],
	[{ from: 'query', name: 'absent' }, undefined],
	[{ from: 'source' }, 'spiffe://mesh.test/ns/shop/sa/cart'],
	[{ from: 'clientAddress' }, '192.0.2.1'],
])('by %j it is %j', (key, expected) => {
	expect(keyOf(key, asking)).toBe(expected)
})

it.each<[HashKey]>([
	[{ from: 'header', name: 'x-user' }],
	[{ from: 'cookie', name: 'session' }],
	[{ from: 'query', name: 'who' }],
	[{ from: 'source' }],
	[{ from: 'clientAddress' }],
])('a request without it is known by nothing: %j', (key) => {
	expect(keyOf(key, nobody)).toBe(undefined)
})

it('workloads of the same name in two namespaces are two', () => {
	const of = (namespace: string) => keyOf({ from: 'source' }, { ...asking, caller: callerOf(namespace, 'w') })
	expect(of('a')).not.toBe(of('b'))
})
