/** Who may call, on the way from documents to the replicas: each level in a part of its own, and nothing else sent for it. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AccessPolicy } from '../../src/snapshot/authorization.ts'
import {
	ACTOR,
	apply,
	change,
	documents,
	everything,
	expectSameAsRoot,
	gateway,
	inRoot,
	remove,
	replica,
	root,
	route,
	service,
	storedParts,
} from './meshObjects.ts'
import { stopTime } from './time.ts'

beforeEach(stopTime)
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

const access = (name: string, spec: object) => ({
	...{ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name } },
	spec,
})
const meshOf = (spec: object) => ({
	...{ apiVersion: 'selvedge.dev/v1', kind: 'Mesh', metadata: { name: 'default' } },
	spec,
})
const labelled = (name: string, labels: object) => ({ ...service(name), metadata: { name, labels } })
const toMesh = { targetRefs: [{ kind: 'Mesh', name: 'default' }] }
const to = (name: string) => ({ targetRefs: [{ kind: 'Service', name }] })
const withLabel = { selector: { matchLabels: { app: 'x' } } }

/** Names of the policies in each part that a replica sends with a service. */
async function sentWith(name: string): Promise<Record<string, string[] | undefined>> {
	const { parts } = await replica('weur').load('weur', { parts: [`service/default/${name}`] })
	const namesIn = (body: string | null) =>
		body === null ? undefined : (JSON.parse(body).access as AccessPolicy[] | undefined)?.map((policy) => policy.name)
	return Object.fromEntries(parts.map((part) => [part.name, namesIn(part.body)]))
}
const newestSequence = async () => Math.max(...(await inRoot(storedParts)).map(({ sequence }) => sequence))
async function partsChangedBy(act: () => Promise<unknown>): Promise<string[]> {
	const before = await newestSequence()
	await act()
	return (await inRoot(storedParts)).filter(({ sequence }) => sequence > before).map(({ name }) => name)
}

describe('an AuthorizationPolicy', () => {
	it('of each level reaches a replica with the services that it speaks for', async () => {
		await apply(service('a'), service('b'), access('m', toMesh), access('n', {}), access('s', to('a')))
		expect(await sentWith('a')).toEqual({
			'service/default/a': ['default/s'],
			'namespace/default': ['default/n'],
			mesh: ['default/m'],
		})
		expect((await sentWith('b'))['service/default/b']).toBeUndefined()
		await expectSameAsRoot('weur')
	})

	it('of labels follows the Services that have them, and changes the parts of no other', async () => {
		await apply(labelled('a', { app: 'x' }), labelled('b', { app: 'y' }))
		const create = () => apply(access('p', { ...withLabel, action: 'DENY', rules: [{}] }))
		expect(await partsChangedBy(create)).toEqual(['service/default/a'])
		expect(await partsChangedBy(() => apply(labelled('b', { app: 'x' })))).toEqual(['service/default/b'])
		expect(await partsChangedBy(() => apply(labelled('a', {})))).toEqual(['service/default/a'])
		expect([await sentWith('a'), await sentWith('b')]).toMatchObject([
			{ 'service/default/a': undefined },
			{ 'service/default/b': ['default/p'] },
		])
		await remove('Service', 'b')
		const stored = await root().get('AuthorizationPolicy', 'default', 'p')
		expect(stored?.status?.conditions).toMatchObject([{ status: 'False', reason: 'TargetNotFound' }])
	})

	it('whose provider changes travels anew, with what is asked now', async () => {
		const provider = (timeout: string) => ({ name: 'p', envoyExtAuthzHttp: { service: 'default/auth', timeout } })
		const asking = { ...to('a'), action: 'CUSTOM', provider: { name: 'p' }, rules: [{}] }
		await apply(service('a'), service('b'), service('auth'), access('asking', asking))
		const define = (timeout: string) => () => apply(meshOf({ extensionProviders: [provider(timeout)] }))
		expect((await partsChangedBy(define('1s'))).sort()).toEqual(['mesh', 'service/default/a'])
		expect(await partsChangedBy(define('2s'))).toEqual(['service/default/a'])
		expect(await partsChangedBy(() => remove('Service', 'auth'))).toContain('service/default/a')
		const stored = await root().get('AuthorizationPolicy', 'default', 'asking')
		expect(stored?.status).toMatchObject({ ancestors: [{ conditions: [{ reason: 'InvalidProvider' }] }] })
	})
})

it('a dry run shows whom a policy would let in, and does nothing', async () => {
	await apply(service('a'), access('first', to('a')))
	const before = await inRoot(storedParts)
	const { effect } = await change({
		dryRun: true,
		put: documents(access('second', { ...to('a'), rules: [{}] }), meshOf({ defaultAccess: 'closed' })),
	})
	expect(effect).toMatchObject({
		services: [
			{
				...{ service: 'default/a', change: 'changed' },
				fields: [{ path: 'access["default/second"]', before: null, after: { action: 'ALLOW', rules: [{}] } }],
			},
		],
		mesh: [{ path: 'egress' }, { path: 'defaultAccess', before: null, after: 'closed' }],
	})
	expect(await inRoot(storedParts)).toEqual(before)
})

describe('policies of one target', () => {
	const many = (from: number, to: number, spec: object) =>
		Array.from({ length: to - from }, (_, i) => access(`p${String(from + i).padStart(4, '0')}`, spec))
	const users = (name: string, n: number, spec: object = to('a')) => ({
		...{ apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication', metadata: { name } },
		spec: { ...spec, jwtRules: Array.from({ length: n }, (_, i) => ({ issuer: `https://${name}-${i}.example` })) },
	})
	const refusal = async (...values: readonly object[]) => {
		const stored = async () => JSON.stringify(await inRoot(everything))
		const before = await stored()
		const answer = await root().change({ actor: ACTOR, put: documents(...values) })
		expect((await stored()) === before).toBe(true)
		return answer.ok ? 'ok' : JSON.stringify(answer.error)
	}

	it('are two thousand at most: the one too many is refused by name, and what would be right is said', async () => {
		await apply(service('a'), service('b'), ...many(0, 2_000, to('a')))
		const answer = await refusal(...many(2_000, 2_001, to('a')))
		expect(JSON.parse(answer)).toEqual({
			reason: 'too_large',
			detail:
				'AuthorizationPolicy/default/p2000: with it Service/default/a would have 2001 AuthorizationPolicies, where at most 2000 are carried. Put what they say into fewer rules, or attach them only to what they are for. Nothing was changed',
		})
		// Each target by itself.
		await apply(...many(2_000, 2_001, to('b')), ...many(2_001, 2_002, toMesh))
		expect((await sentWith('a'))['service/default/a']).toHaveLength(2_000)
	})

	it('may come by a label, too: then it is the Service that is named', async () => {
		await apply(service('a'), ...many(0, 2_001, { ...withLabel }))
		expect(await refusal(labelled('a', { app: 'x' }))).toContain('Service/default/a: with it')
	})

	it('of a route count for each of its rules', async () => {
		const ofRoute = { targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'r' }] }
		await apply(service('a'), gateway('g', 'a.example'), route('r', 'g', 'a'), ...many(0, 2_000, ofRoute))
		expect(await refusal(...many(2_000, 2_001, ofRoute))).toContain('AuthorizationPolicy/default/p2000')
	})

	it('have 256 rules for end users, and two million characters, at most', async () => {
		await apply(service('a'), ...['u0', 'u1', 'u2', 'u3'].map((name) => users(name, 64)))
		expect(await refusal(users('u4', 1))).toMatch(/RequestAuthentication\/default\/u4: .* 257 jwtRules/)
		const long = Array.from({ length: 64 }, (_, i) => `/${i}/${'x'.repeat(1_000)}`)
		const rules = Array.from({ length: 11 }, () => ({ to: [{ operation: { paths: long } }] }))
		await apply(access('l0', { ...to('a'), rules }), access('l1', { ...to('a'), rules }))
		expect(await refusal(access('l2', { ...to('a'), rules }), service('b'))).toMatch(
			/AuthorizationPolicy\/default\/l2: .* characters/,
		)
	})

	it('that are too many already, from before there was a bound, may become fewer, and stay as they are', async () => {
		await apply(service('a'), ...many(0, 3, to('a')))
		await inRoot(({ sql }) => {
			const [{ body }] = sql
				.exec<{ body: string }>("SELECT body FROM parts WHERE name = 'service/default/a'")
				.toArray() as [{ body: string }]
			const part = JSON.parse(body)
			part.access = Array.from({ length: 2_002 }, (_, i) => ({ name: `default/p${i}`, action: 'ALLOW', rules: [] }))
			sql.exec("UPDATE parts SET body = ? WHERE name = 'service/default/a'", JSON.stringify(part))
			const document = sql
				.exec<{ document: string }>("SELECT document FROM resources WHERE name = 'p0000'")
				.one().document
			for (let i = 3; i < 2_002; i++) {
				const key = `AuthorizationPolicy/default/p${String(i).padStart(4, '0')}`
				sql.exec(
					`INSERT INTO resources (key, kind, namespace, name, document, generation, created_at, revision)
						VALUES (?, 'AuthorizationPolicy', 'default', ?, ?, 1, 0, 1)`,
					...[key, key.split('/')[2]!, document.replace('p0000', key.split('/')[2]!)],
				)
				sql.exec(
					"INSERT INTO refs (source, target) SELECT ?, target FROM refs WHERE source = 'AuthorizationPolicy/default/p0000'",
					key,
				)
			}
		})
		expect(await refusal(...many(2_002, 2_003, to('a')))).toContain('2003 AuthorizationPolicies')
		await apply(labelled('a', { app: 'y' }))
		await remove('AuthorizationPolicy', 'p0003')
		expect((await sentWith('a'))['service/default/a']).toHaveLength(2_001)
	})
})
