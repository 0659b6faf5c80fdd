/** What an effect shows of who may call: each policy by its name, each issuer by its own. */
import { expect, it } from 'vitest'
import type { AccessPolicies, AccessPolicy } from '../../../src/snapshot/authorization.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import type { PartBody } from '../../../src/snapshot/snapshot.ts'
import { effectOf } from './effectOf.ts'

const allow = (name: string, method: string): AccessPolicy => ({
	...{ name, action: 'ALLOW' },
	rules: [{ to: [{ methods: [method] }] }],
})
const users = (issuer: string, fetched: string): JwtRule => ({
	...{ issuer, keys: { fetched }, from: [], clockSkewMs: 60_000, spaceDelimitedClaims: [] },
})
interface Said {
	readonly access?: AccessPolicies
	readonly users?: readonly JwtRule[]
}

const service = (said: Said): PartBody => ({ kind: 'service', service: 'default/s', endpoints: [], ...said })
const mesh = (said: Said): PartBody => ({ kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open', ...said })
const namespace = (said: Said): PartBody => ({ kind: 'namespace', namespace: 'shop', ...said })
const slice = ({ access }: Said): PartBody => ({
	...{ kind: 'routeSlice', route: 'default/r', createdAt: 0, hostnames: [] },
	rules: [{ name: 'default/r/0', matches: [], backends: [], ...(access && { access }) }],
})

/** Fields that change where a part says one thing and then another, on each level that has it. */
function fieldsOf(before: Said, after: Said) {
	const {
		services,
		namespaces,
		mesh: ofMesh,
		virtualHosts,
	} = effectOf([
		{ name: 'service/default/s', before: service(before), after: service(after) },
		{ name: 'namespace/shop', before: namespace(before), after: namespace(after) },
		{ name: 'mesh', before: mesh(before), after: mesh(after) },
		{ name: 'virtualHost/h/default/r', before: slice(before), after: slice(after) },
	])
	const ofRule = virtualHosts[0]?.rules[0]?.fields ?? []
	return { service: services[0]?.fields ?? [], namespace: namespaces?.[0]?.fields ?? [], mesh: ofMesh, rule: ofRule }
}

it('one policy more is one field more, not a change of all', () => {
	const before = { access: [allow('shop/a', 'GET')] }
	const after = { access: [allow('shop/b', 'PUT'), allow('shop/a', 'GET')] }
	const rules = [{ to: [{ methods: ['PUT'] }] }]
	const added = [{ path: 'access["shop/b"]', before: null, after: { action: 'ALLOW', rules } }]
	expect(fieldsOf(before, after)).toEqual({ service: added, namespace: added, mesh: added, rule: added })
	expect(fieldsOf(after, before).service).toEqual([{ ...added[0], before: added[0]!.after, after: null }])
})

it('a changed policy is told by the field that changed', () => {
	const changed = [
		{ path: 'access["shop/a"].rules[0].to[0].methods', before: ['GET'], after: ['PUT'] },
		{ path: 'access["shop/a"].dryRun', before: null, after: true },
	]
	const after = { ...allow('shop/a', 'PUT'), dryRun: true as const }
	const fields = fieldsOf({ access: [allow('shop/a', 'GET')] }, { access: [after] })
	expect(fields).toEqual({ service: changed, namespace: changed, mesh: changed, rule: changed })
})

it('the first policy is shown whole, and so is the last one that goes', () => {
	const { service, rule } = fieldsOf({}, { access: [allow('shop/a', 'GET')] })
	const shown = { 'shop/a': { action: 'ALLOW', rules: [{ to: [{ methods: ['GET'] }] }] } }
	expect(service).toEqual([{ path: 'access', before: null, after: shown }])
	expect(rule).toEqual(service)
})

it('issuers are told by their URLs, and several rules of one are told apart', () => {
	const [a, b] = [users('https://a.example', 'a'), users('https://a.example', 'b')]
	const { service, namespace, mesh } = fieldsOf({ users: [a, b] }, { users: [a, { ...b, clockSkewMs: 0 }] })
	expect(service).toEqual([{ path: 'users["https://a.example (2)"].clockSkewMs', before: 60_000, after: 0 }])
	expect([namespace, mesh]).toEqual([service, service])
})

it('what a rule asks of users is told by the condition that changed', () => {
	const asking = (...values: string[]): PartBody => ({
		...{ kind: 'routeSlice', route: 'default/r', createdAt: 0, hostnames: [] },
		rules: [
			{
				...{ name: 'default/r/0', matches: [], backends: [] },
				only: [{ share: 0.5, when: [{ key: { of: 'claim', path: ['role'] }, values }] }],
			},
		],
	})
	const { virtualHosts } = effectOf([{ name: 'virtualHost/h/default/r', before: asking('a'), after: asking('a', 'b') }])
	expect(virtualHosts[0]!.rules[0]!.fields).toEqual([
		{ path: 'only[0].when[0].values', before: ['a'], after: ['a', 'b'] },
	])
})
