/** Credentials and defaults on their way into the snapshot, as documents come, change and go. */
import { describe, expect, it } from 'vitest'
import type { Condition } from '../../../src/resources/status.ts'
import type { ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { resourceOf } from './randomMesh.ts'

const secretRef = { name: 'stripe', key: 'token' }
const service = (credential: object, more: object = {}) =>
	resourceOf({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Service',
		metadata: { name: 'pay' },
		spec: { endpoints: [{ id: 'a', url: 'https://api.example.net' }], credential, ...more },
	})
const secret = (values: Record<string, string>, namespace = 'default') =>
	resourceOf({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'stripe', namespace }, stringData: values })
const mesh = (egress: string) =>
	resourceOf({ apiVersion: 'selvedge.dev/v1', kind: 'Mesh', metadata: { name: 'default' }, spec: { egress } })

const target = (built: MemoryMesh) => built.parts()['service/default/pay'] as ServiceTarget
function resolved(built: MemoryMesh): Pick<Condition, 'status' | 'reason' | 'message'> | undefined {
	const found = built.statuses()['Service/default/pay']?.conditions?.find(({ type }) => type === 'ResolvedRefs')
	return found && { status: found.status, reason: found.reason, message: found.message }
}
const GOOD = { status: 'True', reason: 'ResolvedRefs', message: 'all references are resolved' }
const bad = (message: string) => ({ status: 'False', reason: 'RefNotFound', message })

describe('a credential', () => {
	it.each([
		[{ bearer: { secretRef } }, { in: 'header', name: 'authorization', value: { before: 'Bearer ' } }],
		[
			{ basic: { username: 'ana', secretRef } },
			{ in: 'header', name: 'authorization', value: { before: 'Basic ', basic: { username: 'ana' } } },
		],
		[{ apiKey: { name: 'X-Key', secretRef } }, { in: 'header', name: 'x-key', value: { before: '' } }],
		[{ apiKey: { in: 'query', name: 'Key', secretRef } }, { in: 'query', name: 'Key', value: { before: '' } }],
	])(
		'%j travels with the text of its Secret as it is stored, and the entry that this is bound to',
		(credential, expected) => {
			const built = memoryMesh()
			built.apply({ put: [service(credential), secret({ token: 'as-stored' })] })
			const { value, ...rest } = expected
			expect(target(built).credential).toEqual({
				...rest,
				value: { ...value, secret: 'Secret/default/stripe/token=as-stored' },
			})
			expect(resolved(built)).toEqual(GOOD)
		},
	)

	it('without its Secret refuses, and says which field is meant', () => {
		const built = memoryMesh()
		built.apply({ put: [service({ bearer: { secretRef } })] })
		const invalid = 'spec.credential.bearer.secretRef: Secret stripe not found'
		expect(target(built).credential).toEqual({ invalid })
		expect(resolved(built)).toEqual(bad(invalid))
	})

	it('does not find a Secret of another namespace', () => {
		const built = memoryMesh()
		built.apply({ put: [service({ bearer: { secretRef } }), secret({ token: 'x' }, 'team')] })
		expect(target(built).credential).toEqual({ invalid: 'spec.credential.bearer.secretRef: Secret stripe not found' })
	})

	it.each(['token', 'constructor', '__proto__'])('does not find the key %s where there is none', (key) => {
		const built = memoryMesh()
		built.apply({
			put: [service({ basic: { username: 'a', secretRef: { name: 'stripe', key } } }), secret({ a: 'x' })],
		})
		expect(resolved(built)).toEqual(bad(`spec.credential.basic.secretRef: Secret stripe has no key ${key}`))
	})

	const ASCII = 'has characters that a header field cannot carry: it must be visible ASCII'
	const CONTROL = 'has a line break or another control character'
	it.each([
		['two\nlines', { bearer: { secretRef } }, CONTROL],
		['two\nlines', { basic: { username: 'a', secretRef } }, CONTROL],
		['two\nlines', { apiKey: { in: 'query', name: 'k', secretRef } }, CONTROL],
		['pässword', { bearer: { secretRef } }, ASCII],
		['pässword', { apiKey: { name: 'k', secretRef } }, ASCII],
		['pässword', { basic: { username: 'a', secretRef } }, undefined],
		['pässword', { apiKey: { in: 'query', name: 'k', secretRef } }, undefined],
	])('that would send %j by %j is told so', (token, credential, problem) => {
		const built = memoryMesh()
		built.apply({ put: [service(credential), secret({ token })] })
		const field = Object.keys(credential)[0]
		const message = `spec.credential.${field}.secretRef: Secret stripe key token ${problem}`
		expect(resolved(built)).toEqual(problem === undefined ? GOOD : bad(message))
		expect('invalid' in target(built).credential!).toBe(problem !== undefined)
	})

	it('follows its Secret as that comes, changes and goes, and rebuilds nobody else', () => {
		const built = memoryMesh()
		const other = resourceOf({ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name: 'other' } })
		built.apply({ put: [service({ bearer: { secretRef } }), other] })
		for (const [change, expected] of [
			[{ put: [secret({ token: '1' })] }, 'Secret/default/stripe/token=1'],
			[{ put: [secret({ token: '2' })] }, 'Secret/default/stripe/token=2'],
			[{ put: [secret({ else: '3' })] }, undefined],
			[{ put: [secret({ token: '4' })] }, 'Secret/default/stripe/token=4'],
			[{ remove: ['Secret/default/stripe'] }, undefined],
		] as const) {
			const affected = built.apply(change)
			expect([...affected.keys()].sort()).toEqual(['Secret/default/stripe', 'Service/default/pay'])
			const { credential } = target(built)
			expect(credential && 'value' in credential ? credential.value.secret : undefined).toBe(expected)
			expect(built.parts()).toEqual(built.fromScratch().parts())
		}
		expect([...built.apply({ put: [secret({ token: '1' }, 'team')] }).keys()]).toEqual(['Secret/team/stripe'])
	})

	it('that is taken out of its Service is gone, and with it the condition', () => {
		const built = memoryMesh()
		built.apply({ put: [service({ bearer: { secretRef } }), secret({ token: '1' })] })
		built.apply({
			put: [
				resourceOf({
					...service({ bearer: { secretRef } }),
					spec: { endpoints: [{ url: 'https://api.example.net' }] },
				}),
			],
		})
		expect(target(built)).not.toHaveProperty('credential')
		expect(resolved(built)).toBeUndefined()
		expect([...built.apply({ put: [secret({ token: '2' })] }).keys()]).toEqual(['Secret/default/stripe'])
	})

	it('is sent to no endpoint that registered itself with a URL in clear text', () => {
		const built = memoryMesh()
		built.apply({ put: [service({ bearer: { secretRef } })] })
		const lease = (id: string, url: string) => ({ id, url, weight: 1 })
		const urls = {
			b: 'http://b.example.net',
			c: 'https://c.example.net',
			d: 'http://127.0.0.1:9',
			a: 'http://a.example.net',
		}
		built.lease(
			'default/pay',
			Object.entries(urls).map(([id, url]) => lease(id, url)),
		)
		expect(target(built).endpoints.map(({ url }) => url)).toEqual([
			'https://api.example.net',
			'https://c.example.net',
			'http://127.0.0.1:9',
		])
	})
})

it('a Service that says so is external', () => {
	const built = memoryMesh()
	built.apply({ put: [resourceOf({ ...service({ bearer: { secretRef } }), spec: { external: true } })] })
	expect(target(built).external).toBe(true)
	built.apply({ put: [resourceOf({ ...service({ bearer: { secretRef } }), spec: { external: false } })] })
	expect(target(built)).not.toHaveProperty('external')
})

it('what holds for the whole mesh is a part of its own, as long as it is said', () => {
	const built = memoryMesh()
	built.apply({ put: [mesh('allowAny')] })
	expect(built.parts()).toEqual({ mesh: { kind: 'mesh', egress: 'allowAny', defaultAccess: 'open' } })
	expect([...built.apply({ put: [mesh('registryOnly')] }).keys()]).toEqual(['Mesh/-/default'])
	expect(built.parts()).toEqual({ mesh: { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open' } })
	expect(built.statuses()['Mesh/-/default']?.conditions).toMatchObject([{ type: 'Accepted', status: 'True' }])
	built.apply({ remove: ['Mesh/-/default'] })
	expect(built.parts()).toEqual({})
})
