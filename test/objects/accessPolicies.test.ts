/** Who may call, on the way from documents to the replicas: each level in a part of its own, and nothing else sent for it. */
import { reset } from 'cloudflare:test'
import { afterEach, describe, expect, it } from 'vitest'
import type { AccessPolicy } from '../../src/snapshot/authorization.ts'
import {
	apply,
	change,
	documents,
	expectSameAsRoot,
	inRoot,
	remove,
	replica,
	root,
	service,
	storedParts,
} from './meshObjects.ts'

afterEach(() => reset())

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
