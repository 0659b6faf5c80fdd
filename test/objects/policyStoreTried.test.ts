/** Policies tried out: as the change would make them, and nothing is changed. */
import { reset } from 'cloudflare:test'
import { afterEach, describe, expect, it } from 'vitest'
import type { AccessScope, ChangeRequest, Principal } from '../../src/ports.ts'
import {
	ACTOR,
	apply,
	change,
	documents,
	gateway,
	inRoot,
	refTo,
	root,
	route,
	service,
	storedParts,
} from './meshObjects.ts'

afterEach(() => reset())

const SCOPE: AccessScope = { services: ['default/a', 'default/gone'], rules: ['default/r/0', 'default/gone/0'] }

const policy = (name: string, spec: object) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'AuthorizationPolicy',
	metadata: { name },
	spec,
})
const target = (kind: string, name: string) => ({
	targetRefs: [{ kind, name, ...(kind === 'HTTPRoute' && { group: 'gateway.networking.k8s.io' }) }],
})
const tryOut = async (request: Omit<ChangeRequest, 'actor'>, actor: Principal = ACTOR) => {
	const tried = await root().tryAccess({ actor, ...request }, SCOPE)
	if (!tried.ok) throw new Error(JSON.stringify(tried.error))
	return tried.value
}
const names = (access: readonly { readonly name: string }[] | undefined) => access?.map(({ name }) => name)

describe('a change that is tried out', () => {
	it('is read from all layers, before and after', async () => {
		await apply(service('a', 'http://a'), gateway('g', 'g.test'), route('r', 'g', 'a'))
		await apply(policy('old', { action: 'DENY', rules: [{}] }))
		const { before, after, revision, results } = await tryOut({
			put: documents(
				policy('mesh', { ...target('Mesh', 'default'), rules: [{}] }),
				policy('service', { ...target('Service', 'a'), rules: [] }),
				policy('route', { ...target('HTTPRoute', 'r'), action: 'DENY', rules: [{}] }),
				{
					apiVersion: 'selvedge.dev/v1',
					kind: 'Mesh',
					metadata: { name: 'default' },
					spec: { defaultAccess: 'closed' },
				},
			),
			remove: [{ ...refTo('AuthorizationPolicy', 'old'), apiVersion: 'selvedge.dev/v1' }],
		})
		expect(revision).toBe(2)
		expect(results.map(({ name, action }) => [name, action])).toContainEqual(['old', 'deleted'])
		expect([before.defaultAccess, after.defaultAccess]).toEqual(['open', 'closed'])
		const shown = ({ mesh, namespaces, services, rules }: typeof before) => ({
			mesh: names(mesh.access),
			namespace: names(namespaces.get('default')?.access),
			service: names(services.get('default/a')?.access),
			rule: names(rules.get('default/r/0')?.access),
		})
		expect(shown(before)).toEqual({ namespace: ['default/old'] })
		expect(shown(after)).toEqual({ mesh: ['default/mesh'], service: ['default/service'], rule: ['default/route'] })
	})

	it('is not made', async () => {
		await apply(service('a', 'http://a'))
		const before = await inRoot(storedParts)
		await tryOut({ put: documents(policy('p', { ...target('Service', 'a'), rules: [] })) })
		expect(await inRoot(storedParts)).toEqual(before)
		expect((await root().ready()).revision).toBe(1)
		expect(await root().get('AuthorizationPolicy', 'default', 'p')).toBe(null)
	})

	it('is what the change itself then makes', async () => {
		await apply(service('a', 'http://a'))
		const put = documents(
			policy('p', {
				...target('Service', 'a'),
				action: 'DENY',
				rules: [{ to: [{ operation: { methods: ['PUT'] } }] }],
			}),
		)
		const { after } = await tryOut({ put })
		await change({ put })
		const { before } = await tryOut({ put })
		expect(before).toEqual(after)
	})

	it('of a namespace that is not the actor’s is refused', async () => {
		const actor: Principal = { ...ACTOR, role: 'viewer', namespaces: ['other'] }
		const refused = await root().tryAccess({ actor, put: documents(policy('p', { rules: [] })) }, SCOPE)
		expect(refused).toMatchObject({ ok: false, error: { reason: 'not_permitted' } })
	})

	it('names the namespaces whose routes ask who the user is on the same hosts, and reads whom they believe', async () => {
		const filters = [{ type: 'ExtensionRef', extensionRef: { group: 'selvedge.dev', kind: 'TrafficMatch', name: 'm' } }]
		const routeOf = (namespace: string, parentRef: object, more: object = {}) => ({
			apiVersion: 'gateway.networking.k8s.io/v1',
			kind: 'HTTPRoute',
			metadata: { name: 'asking', namespace },
			spec: { parentRefs: [parentRef], rules: [{ backendRefs: [{ name: 'a' }], ...more }] },
		})
		const of = (kind: string, name: string, namespace: string, spec: object) => ({
			...{ apiVersion: 'selvedge.dev/v1', kind, metadata: { name, namespace } },
			spec,
		})
		const when = [{ key: 'request.auth.claims[group]', values: ['x'] }]
		const shared = gateway('g', 'g.test')
		Object.assign(shared.spec.listeners[0]!, { allowedRoutes: { namespaces: { from: 'All' } } })
		await apply(
			...[service('a', 'http://a'), shared, route('r', 'g', 'a')],
			// One that asks on the host of the gateway, one on that of the Service, one on another, and one for a share alone.
			routeOf('edge', { name: 'g', namespace: 'default' }, { filters }),
			routeOf('consumer', { group: '', kind: 'Service', name: 'a', namespace: 'default' }, { filters }),
			...[gateway('h', 'h.test'), routeOf('default', { name: 'h' }, { filters })],
			routeOf('share', { name: 'g', namespace: 'default' }, { filters }),
			...['edge', 'consumer', 'default'].map((namespace) => of('TrafficMatch', 'm', namespace, { when })),
			of('TrafficMatch', 'm', 'share', { percent: 1 }),
		)
		const users = of('RequestAuthentication', 'u', 'edge', { jwtRules: [{ issuer: 'https://id.example' }] })
		const { before, after } = await tryOut({ put: documents(users) })
		for (const { rules, services } of [before, after]) {
			expect(rules.get('default/r/0')).toEqual({ askedBy: ['edge'] })
			expect(services.get('default/a')).toEqual({ askedBy: ['consumer'] })
		}
		expect([...before.namespaces.keys()].sort()).toEqual(['consumer', 'default', 'edge'])
		const believed = ({ namespaces }: typeof before) => namespaces.get('edge')!.users?.map(({ issuer }) => issuer)
		expect([believed(before), believed(after)]).toEqual([undefined, ['https://id.example']])
	})
})
