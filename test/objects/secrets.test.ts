/** Secrets in the objects: sealed wherever they lie, open only in what an isolate loads, and in no answer to people. */
import { reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PolicyStore } from '../../durable-objects/policyStore/policyStore.ts'
import type { SnapshotReplica } from '../../durable-objects/snapshotReplica/snapshotReplica.ts'
import { servicePart } from '../../src/names.ts'
import type { Resource } from '../../src/resources/resource.ts'
import { sealValues } from '../../src/secrets/credentials.ts'
import { createKeyring } from '../../src/secrets/sealing.ts'
import type { Credential, ServiceTarget } from '../../src/snapshot/snapshot.ts'
import {
	ACTOR,
	apply,
	change,
	documents,
	everything,
	evictReplica,
	inReplica,
	inRoot,
	refTo,
	remove,
	replica,
	replicaStub,
	root,
	rootStub,
} from './meshObjects.ts'
import { stopTime } from './time.ts'

const OLD = 'the-old-master-key-of-32-characters'
const NEW = 'the-new-master-key-of-32-characters'
const PLAIN = 'sk_live_4242424242'
const OTHER = 'sk_live_9999999999'

beforeEach(stopTime)
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

/** Gives a region's replica the secret MASTER_KEY; lost with the object's memory. */
const giveKey = (region: string, MASTER_KEY: string | undefined) =>
	runInDurableObject(replicaStub(region), (instance: SnapshotReplica) => {
		Object.assign(instance, { env: { ...env, MASTER_KEY } })
	})
async function restart(region: string, masterKey: string | undefined): Promise<void> {
	await evictReplica(region)
	await giveKey(region, masterKey)
}

/** As the admin Worker hands it on. */
async function sealedSecret(token: string, masterKeys = OLD): Promise<Resource> {
	const keyring = await createKeyring(masterKeys)
	if (!keyring.ok) throw new Error(keyring.error)
	const [resource] = documents({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'stripe' },
		stringData: { token },
	})
	const secret = resource as Extract<Resource, { kind: 'Secret' }>
	return { ...secret, data: await sealValues(keyring.value, secret.metadata, secret.data) }
}
const putSecret = async (token: string, masterKeys?: string) => change({ put: [await sealedSecret(token, masterKeys)] })

const pay = (key = 'token') => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name: 'pay' },
	spec: {
		endpoints: [{ url: 'https://api.example.net' }],
		credential: { bearer: { secretRef: { name: 'stripe', key } } },
	},
})

/** What an isolate gets to know of the service's credential. */
async function loaded(region = 'weur'): Promise<Credential | undefined> {
	const { parts } = await replica(region).load(region, { parts: [servicePart('default/pay')] })
	return (JSON.parse(parts[0]!.body!) as ServiceTarget).credential
}
const bearer = (secret: string) => ({ in: 'header', name: 'authorization', value: { before: 'Bearer ', secret } })

describe('a stored secret', () => {
	beforeEach(() => giveKey('weur', OLD))

	it('lies sealed in every table of the root and of the replicas, through changes, dry runs, rollbacks and its end', async () => {
		await apply(pay())
		const first = await putSecret(PLAIN)
		expect(await loaded()).toEqual(bearer(PLAIN))
		await putSecret(OTHER)
		await change({ put: [await sealedSecret('sk_live_dry_run')], dryRun: true })
		await root().rollback(first.revision, ACTOR)
		expect(await loaded()).toEqual(bearer(PLAIN))
		const stored = async () => JSON.stringify([await inRoot(everything), await inReplica('weur', everything)])
		expect(await stored()).toContain('Secret/default/stripe/token=sealed:v1:')
		const before = await stored()
		await remove('Secret', 'stripe')
		for (const text of [PLAIN, OTHER, 'sk_live', btoa(PLAIN).slice(0, 16)])
			for (const tables of [before, await stored()]) expect(tables).not.toContain(text)
	})

	it('that comes unsealed is a bug, and is not stored', async () => {
		const unsealed = documents({
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: { name: 'stripe' },
			stringData: { token: PLAIN },
		})
		// Inside the object: a rejection that crosses over is reported a second time, as nobody's.
		const refused = await runInDurableObject(rootStub(), (instance: PolicyStore) =>
			instance.change({ actor: ACTOR, put: unsealed }).then(String, String),
		)
		expect(refused).toBe('Error: Secret default/stripe came unsealed')
		expect(JSON.stringify(await inRoot(everything))).not.toContain(PLAIN)
	})

	it('applied again changes nothing, and a dry run tells an equal value from another', async () => {
		await putSecret(PLAIN)
		const dry = async (token: string) =>
			(await change({ put: [await sealedSecret(token)], dryRun: true })).results[0]!.action
		expect((await putSecret(PLAIN)).results[0]!.action).toBe('unchanged')
		expect([await dry(PLAIN), await dry(OTHER)]).toEqual(['unchanged', 'configured'])
	})

	it('is null in whatever is read back, and its sealed text is nowhere', async () => {
		await apply(pay())
		await putSecret(PLAIN)
		await putSecret(OTHER)
		const answers = [
			await root().get('Secret', 'default', 'stripe'),
			await root().list('Secret', { limit: 10 }),
			await root().audit({ limit: 10 }),
			await root().revisions({ limit: 10 }),
			await root().revision(2),
			await change({ put: [await sealedSecret('sk_live_dry_run')], dryRun: true }),
			await replica('weur').services('weur', { limit: 10 }),
			await replica('weur').service('weur', 'default/pay'),
		]
		expect(answers[0]).toMatchObject({ resource: { kind: 'Secret', data: { token: null } } })
		expect(answers[1]).toMatchObject({ items: [{ resource: { data: { token: null } } }] })
		expect(answers[2]).toMatchObject({
			items: [
				{ changes: [{ key: 'Secret/default/stripe', before: { data: { token: null } }, after: { data: {} } }] },
				{},
				{},
			],
		})
		for (const answer of answers) expect(JSON.stringify(answer)).not.toMatch(/sealed:v1|sk_live|unfit/)
	})
})

describe('a replica', () => {
	it('sends along with a host what its services need, opened', async () => {
		await giveKey('weur', OLD)
		await apply(pay())
		await putSecret(PLAIN)
		const { parts } = await replica('weur').load('weur', { hosts: ['pay.mesh.localhost'] })
		const service = parts.find(({ name }) => name === servicePart('default/pay'))
		expect(JSON.parse(service!.body!).credential).toEqual(bearer(PLAIN))
	})

	it('opens what each key of the list sealed, while keys are rotated', async () => {
		await giveKey('weur', OLD)
		await apply(pay())
		await putSecret(PLAIN)
		expect(await loaded()).toEqual(bearer(PLAIN))
		await restart('weur', `${NEW},${OLD}`)
		expect(await loaded()).toEqual(bearer(PLAIN))
		// Applied once more, it is sealed with the new key, and the old one can go.
		expect((await putSecret(PLAIN, `${NEW},${OLD}`)).results[0]!.action).toBe('configured')
		await restart('weur', NEW)
		expect(await loaded()).toEqual(bearer(PLAIN))
	})

	it.each([
		[NEW, 'the MASTER_KEY that sealed it is not in the list any more'],
		[undefined, 'there is no MASTER_KEY'],
		['short', 'MASTER_KEY: the key has 5 characters; it must have at least 32'],
	])('with the key %s says that it cannot open, once in its log', async (masterKey, why) => {
		await giveKey('weur', masterKey)
		const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
		await apply(pay())
		await putSecret(PLAIN)
		const invalid = `spec.credential: Secret/default/stripe/token cannot be opened: ${why}`
		expect(await Promise.all([loaded(), loaded(), loaded()])).toEqual([{ invalid }, { invalid }, { invalid }])
		expect(await loaded()).toEqual({ invalid })
		const records = warned.mock.calls
			.map(([line]) => String(line))
			.filter((line) => line.includes('credential_unavailable'))
		expect(records).toHaveLength(1)
		expect(JSON.parse(records[0]!)).toMatchObject({ service: 'default/pay', why: expect.stringContaining(why) })
		expect(records[0]).not.toMatch(/sealed:v1|sk_live/)
		warned.mockRestore()
	})

	it('passes on why the root could not resolve a credential', async () => {
		await giveKey('weur', OLD)
		await putSecret(PLAIN)
		await apply(pay('nokey'))
		expect(await loaded()).toEqual({ invalid: 'spec.credential.bearer.secretRef: Secret stripe has no key nokey' })
		await change({ remove: [{ ...refTo('Secret', 'stripe'), apiVersion: 'v1' }] })
		expect(await loaded()).toEqual({ invalid: 'spec.credential.bearer.secretRef: Secret stripe not found' })
	})
})

it('what holds for the whole mesh reaches who asks for it, and its absence does too', async () => {
	const egress = async () => (await replica('weur').load('weur', { parts: ['mesh'] })).parts[0]!.body
	expect(await egress()).toBeNull()
	await apply({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Mesh',
		metadata: { name: 'default' },
		spec: { egress: 'allowAny' },
	})
	expect(JSON.parse((await egress())!)).toEqual({ kind: 'mesh', egress: 'allowAny', defaultAccess: 'open' })
	await change({ remove: [{ apiVersion: 'selvedge.dev/v1', kind: 'Mesh', namespace: '-', name: 'default' }] })
	expect(await egress()).toBeNull()
})
