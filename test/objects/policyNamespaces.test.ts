/** Who is limited to namespaces: what they read of the root's is theirs, and so is what they change. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChangeRequest, Principal } from '../../src/ports.ts'
import { apply, documents, inRoot, root, service, storedParts } from './meshObjects.ts'

const OF_A: Principal = { token: 't', name: 'of-alfa', role: 'operator', namespaces: ['alfa'] }
const OF_DEFAULT: Principal = { ...OF_A, name: 'of-default', namespaces: ['default'] }
const OF_ROOT: Principal = { ...OF_A, name: 'of-default', namespaces: ['istio-system'] }
const OPERATOR: Principal = { token: 'o', name: 'olga', role: 'operator' }
const ADMIN: Principal = { token: 'r', name: 'root', role: 'admin' }

const inside = (namespace: string, name: string, url = `http://${name}`) => ({
	...service(name, url),
	metadata: { name, namespace },
})
const peers = (namespace: string, target: object) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'PeerAuthentication',
	metadata: { name: 'all', namespace },
	spec: { targetRefs: [target], mode: 'PERMISSIVE' },
})
const MESH_WIDE = peers('default', { kind: 'Mesh', name: 'default' })
const IN_ROOT = {
	apiVersion: 'security.istio.io/v1',
	kind: 'AuthorizationPolicy',
	metadata: { name: 'all', namespace: 'istio-system' },
	spec: { action: 'DENY', rules: [{}] },
}
const access = (role = 'viewer') => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'AdminAccess',
	metadata: { name: 'people' },
	spec: { subjects: [{ emailDomain: 'example.com' }], role },
})
const refOf = ({ apiVersion, kind, metadata }: { apiVersion: string; kind: string; metadata: object }) => ({
	...{ apiVersion, kind, namespace: '-', name: '', ...metadata },
})

const put = (actor: Principal, ...values: readonly object[]) => attempt({ actor, put: documents(...values) })
const remove = (actor: Principal, ...values: Parameters<typeof refOf>[0][]) =>
	attempt({ actor, remove: values.map(refOf) })
async function attempt(request: ChangeRequest): Promise<string> {
	const result = await root().change(request)
	return result.ok ? result.value.results.map(({ action }) => action).join() : result.error.reason
}

beforeEach(async () => {
	await apply(inside('alfa', 'a'), inside('alfa', 'shared'))
	await apply(inside('bravo', 'b'))
	await apply(inside('alfa', 'a', 'http://a2'), inside('bravo', 'b', 'http://b2'))
})
afterEach(() => reset())

describe('whoever is limited to a namespace', () => {
	it('changes and deletes what is in it', async () => {
		expect(await put(OF_A, inside('alfa', 'a', 'http://a3'), inside('alfa', 'new'))).toBe('configured,created')
		expect(await remove(OF_A, inside('alfa', 'new'))).toBe('deleted')
	})

	it.each<[string, () => Promise<string>]>([
		['a document of another namespace', () => put(OF_A, inside('bravo', 'new'))],
		['one beside their own', () => put(OF_A, inside('alfa', 'new'), inside('bravo', 'new'))],
		['one that is there', () => put(OF_A, inside('bravo', 'b', 'http://b3'))],
		['one that would stay as it is', () => put(OF_A, inside('bravo', 'b', 'http://b2'))],
		['the deletion of what is there', () => remove(OF_A, inside('bravo', 'b'))],
		['the deletion of what is not', () => remove(OF_A, inside('bravo', 'nothing'))],
		[
			'a cluster-wide document',
			() => put(OF_A, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'alfa', labels: { x: 'y' } } }),
		],
		[
			'the Mesh',
			() => put(OF_A, { apiVersion: 'selvedge.dev/v1', kind: 'Mesh', metadata: { name: 'default' }, spec: {} }),
		],
		['a login', () => put({ ...OF_A, role: 'admin' }, access())],
		['a policy for the whole mesh, in their namespace', () => put(OF_DEFAULT, MESH_WIDE)],
		['one in Istio’s root namespace, which says nothing of whom it is for', () => put(OF_ROOT, IN_ROOT)],
	])('is refused %s, and nothing changes', async (_, ask) => {
		const before = await inRoot(storedParts)
		const { revision } = await root().ready()
		expect(await ask()).toBe('not_permitted')
		expect(await inRoot(storedParts)).toEqual(before)
		expect((await root().ready()).revision).toBe(revision)
	})

	it('is told the same of what is there and of what is not', async () => {
		const detail = async (name: string, url?: string) => {
			const result = await root().change({ actor: OF_A, put: documents(inside('bravo', name, url)) })
			return result.ok ? '' : JSON.stringify(result.error).replace(`bravo/${name}`, 'bravo/…')
		}
		expect(await detail('b', 'http://b2')).toBe(await detail('x', 'http://b2'))
	})

	it('neither replaces nor deletes a policy for the whole mesh that stands in their namespace', async () => {
		await apply(MESH_WIDE)
		expect(await remove(OF_DEFAULT, MESH_WIDE)).toBe('not_permitted')
		expect(await put(OF_DEFAULT, peers('default', { kind: 'Namespace', name: 'default' }))).toBe('not_permitted')
		expect(await put(OPERATOR, peers('default', { kind: 'Namespace', name: 'default' }))).toBe('configured')
		expect(await remove(OF_DEFAULT, MESH_WIDE)).toBe('deleted')
	})

	it('rolls back what is all theirs, and nothing else', async () => {
		expect(await root().rollback(2, OF_A)).toMatchObject({ ok: false, error: { reason: 'not_permitted' } })
		expect(JSON.stringify(await root().rollback(2, OF_A))).not.toContain('bravo')
		await apply(inside('alfa', 'a', 'http://a9'))
		expect(await root().rollback(3, OF_A)).toMatchObject({ ok: true, value: { revision: 5 } })
		// What others did and took back is no change of theirs now.
		await apply(inside('bravo', 'b', 'http://b9'))
		await apply(inside('bravo', 'b', 'http://b2'))
		await apply(inside('alfa', 'a', 'http://a9'))
		expect(await root().rollback(5, OF_A)).toMatchObject({ ok: true })
	})

	it('lists their resources alone, page by page', async () => {
		const names: string[] = []
		for (let after: string | undefined; ; ) {
			const options = { namespaces: ['alfa'], limit: 1, ...(after === undefined ? {} : { after }) }
			const page = await root().list('Service', options)
			names.push(...page.items.map(({ resource: { metadata } }) => `${metadata.namespace}/${metadata.name}`))
			if (page.next === undefined) break
			after = page.next
		}
		expect(names).toEqual(['alfa/a', 'alfa/shared'])
		expect((await root().list('Service', { namespaces: ['charlie'], limit: 10 })).items).toEqual([])
		expect((await root().list('Service', { namespace: 'bravo', namespaces: ['alfa'], limit: 10 })).items).toEqual([])
	})

	it('sees the revisions that changed something of theirs, and of these that part', async () => {
		const { items } = await root().revisions({ limit: 10, namespaces: ['alfa'] })
		expect(items.map(({ revision, changes }) => [revision, changes.map(({ key }) => key)])).toEqual([
			[3, ['Service/alfa/a']],
			[1, ['Service/alfa/a', 'Service/alfa/shared']],
		])
		expect(await root().revision(2, ['alfa'])).toBeNull()
		expect(await root().revision(3, ['alfa'])).toMatchObject({ changes: [{ key: 'Service/alfa/a' }] })
		const first = await root().revisions({ limit: 1, namespaces: ['alfa'] })
		expect((await root().revisions({ limit: 1, after: first.next!, namespaces: ['alfa'] })).items[0]!.revision).toBe(1)
	})

	it('sees of the audit log what concerns theirs, without the chain, and no tokens', async () => {
		await root().createToken({ name: 'ci', role: 'viewer', hash: 'h' }, ADMIN)
		const { items } = await root().audit({ limit: 10, namespaces: ['alfa'] })
		expect(items.map(({ revision, changes }) => [revision, changes.map(({ key }) => key)])).toEqual([
			[3, ['Service/alfa/a']],
			[1, ['Service/alfa/a', 'Service/alfa/shared']],
		])
		expect(JSON.stringify(items)).not.toMatch(/bravo|[Hh]ash|changesCount/)
	})

	it('is not mistaken for somebody of a namespace whose name is part of theirs, or the name of a resource', async () => {
		await apply(inside('al', 'x'), inside('bravo', 'alfa'), inside('alfa-2', 'x'))
		const { items } = await root().revisions({ limit: 10, namespaces: ['alfa'] })
		expect(items.map(({ revision }) => revision)).toEqual([3, 1])
	})

	it('is told by a dry run what becomes of their rules and services, and not what becomes of those of others', async () => {
		const route = (namespace: string, path: string) => ({
			apiVersion: 'gateway.networking.k8s.io/v1',
			kind: 'HTTPRoute',
			metadata: { name: 'r', namespace },
			spec: {
				parentRefs: [{ name: 'g', namespace: 'bravo' }],
				rules: [
					{
						matches: [{ path: { type: 'PathPrefix', value: path } }],
						backendRefs: [{ name: 'later', namespace: 'alfa', port: 80 }],
					},
				],
			},
		})
		await apply(
			{
				apiVersion: 'gateway.networking.k8s.io/v1',
				kind: 'Gateway',
				metadata: { name: 'g', namespace: 'bravo' },
				spec: {
					gatewayClassName: 'selvedge',
					listeners: [
						{
							...{ name: 'l', hostname: 'g.test', port: 80, protocol: 'HTTP' },
							allowedRoutes: { namespaces: { from: 'All' } },
						},
					],
				},
			},
			{
				apiVersion: 'gateway.networking.k8s.io/v1',
				kind: 'ReferenceGrant',
				metadata: { name: 'for-bravo', namespace: 'alfa' },
				spec: {
					from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'bravo' }],
					to: [{ group: '', kind: 'Service' }],
				},
			},
			route('alfa', '/alfa'),
			route('bravo', '/bravo'),
		)
		const preview = async (actor: Principal) => {
			const result = await root().change({ actor, put: documents(inside('alfa', 'later')), dryRun: true })
			if (!result.ok) throw new Error(result.error.reason)
			return result.value.effect!
		}
		const routes = ({ virtualHosts }: Awaited<ReturnType<typeof preview>>) =>
			virtualHosts.flatMap(({ rules }) => rules.map((rule) => rule.route))
		expect(routes(await preview(OPERATOR))).toEqual(['alfa/r', 'bravo/r'])
		expect(routes(await preview(OF_A))).toEqual(['alfa/r'])
		expect(JSON.stringify(await preview(OF_A))).not.toContain('bravo')
		expect((await preview(OF_A)).counts.rules).toBe(1)
	})
})

describe('logins', () => {
	it('are for admins to give and to take, not for operators, whichever way they go about it', async () => {
		expect(await put(OPERATOR, access('admin'))).toBe('not_permitted')
		expect(await put(ADMIN, access())).toBe('created')
		expect(await put(OPERATOR, access('admin'))).toBe('not_permitted')
		expect(await remove(OPERATOR, access())).toBe('not_permitted')
		const { revision } = await root().ready()
		expect(await root().rollback(revision - 1, OPERATOR)).toMatchObject({ error: { reason: 'not_permitted' } })
		expect(await remove(ADMIN, access())).toBe('deleted')
		expect(await root().rollback(revision, OPERATOR)).toMatchObject({ error: { reason: 'not_permitted' } })
		expect(await root().rollback(revision, ADMIN)).toMatchObject({ ok: true })
	})
})
