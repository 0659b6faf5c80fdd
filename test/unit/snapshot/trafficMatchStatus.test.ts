/** A TrafficMatch that asks who the user is says so where nobody is believed to be one: its rules are for no request then. */
import { expect, it } from 'vitest'
import type { ResourceKey } from '../../../src/names.ts'
import { type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { resourceOf } from './randomMesh.ts'

const documentOf = (kind: string, name: string, spec: object, namespace = 'default') =>
	resourceOf({ apiVersion: 'selvedge.dev/v1', kind, metadata: { name, namespace }, spec })
const when = [{ key: 'request.auth.claims[groups]', values: ['group1'] }]
const match = (name: string, namespace?: string, spec: object = { when }) =>
	documentOf('TrafficMatch', name, spec, namespace)
const users = (name: string, spec: object = {}, namespace?: string) =>
	documentOf('RequestAuthentication', name, { ...spec, jwtRules: [{ issuer: 'https://id.example' }] }, namespace)
const keyOfUsers = (name: string, namespace = 'default'): ResourceKey => `RequestAuthentication/${namespace}/${name}`

const toMesh = { targetRefs: [{ kind: 'Mesh', name: 'default' }] }
const toService = { targetRefs: [{ kind: 'Service', name: 'a' }] }
const toLabels = { selector: { matchLabels: { app: 'a' } } }

const conditionsOf = (mesh: MemoryMesh, key: string) => mesh.statuses()[`TrafficMatch/${key}`]!.conditions!
const accepted = (mesh: MemoryMesh, key: string) =>
	conditionsOf(mesh, key).map(({ type, status, reason }) => `${type}=${status} ${reason}`)
const FINE = ['Accepted=True Accepted']
const NOBODY = ['Accepted=False NoIssuer']

it('names its field, and where somebody would have to be believed', () => {
	const mesh = memoryMesh()
	mesh.apply({ put: [match('x', 'shop')] })
	expect(conditionsOf(mesh, 'shop/x')).toMatchObject([
		{
			...{ type: 'Accepted', status: 'False', reason: 'NoIssuer', observedGeneration: 1 },
			message:
				'spec.when: no RequestAuthentication of the Mesh or of Namespace shop says whose users are believed, so that it holds for no request',
		},
	])
})

it('says nothing of it where it does not ask, and where an issuer comes with it', () => {
	const mesh = memoryMesh()
	mesh.apply({ put: [match('share', 'shop', { percent: 10 }), match('x'), users('r')] })
	expect(accepted(mesh, 'shop/share')).toEqual(FINE)
	expect(accepted(mesh, 'default/x')).toEqual(FINE)
})

it.each<[string, object, string]>([
	['its namespace', {}, 'shop'],
	['the Mesh', toMesh, 'default'],
])('changes when a RequestAuthentication of %s comes, and when the last one goes', (_, spec, namespace) => {
	const mesh = memoryMesh()
	mesh.apply({ put: [match('x', 'shop')] }, 1_000)
	const first = conditionsOf(mesh, 'shop/x')[0]!.lastTransitionTime
	mesh.apply({ put: [users('r', spec, namespace), users('s', spec, namespace)] }, 2_000)
	expect(accepted(mesh, 'shop/x')).toEqual(FINE)
	expect(conditionsOf(mesh, 'shop/x')[0]!.lastTransitionTime).not.toBe(first)
	mesh.apply({ remove: [keyOfUsers('r', namespace)] })
	expect(accepted(mesh, 'shop/x')).toEqual(FINE)
	mesh.apply({ remove: [keyOfUsers('s', namespace)] })
	expect(accepted(mesh, 'shop/x')).toEqual(NOBODY)
	expect(mesh.fromScratch().statuses()['TrafficMatch/shop/x']!.conditions![0]!.status).toBe('False')
})

it.each<[string, object, string]>([
	['another namespace', {}, 'ops'],
	['a Service, which is chosen after the rule', toService, 'shop'],
	['Services by their labels', toLabels, 'shop'],
])('stays when a RequestAuthentication is of %s', (_, spec, namespace) => {
	const mesh = memoryMesh()
	mesh.apply({ put: [match('x', 'shop'), users('r', {}, 'shop')] })
	mesh.apply({ put: [users('other', spec, namespace)] })
	mesh.apply({ remove: [keyOfUsers('r', 'shop')] })
	expect(accepted(mesh, 'shop/x')).toEqual(NOBODY)
})

it('changes when a RequestAuthentication turns to one Service alone, and when it asks itself no more', () => {
	const mesh = memoryMesh()
	mesh.apply({ put: [match('x'), users('r')] })
	mesh.apply({ put: [users('r', toService)] })
	expect(accepted(mesh, 'default/x')).toEqual(NOBODY)
	mesh.apply({ put: [match('x', 'default', { percent: 1 })] })
	expect(accepted(mesh, 'default/x')).toEqual(FINE)
})

it('is built anew for the RequestAuthentications that it can depend on, and for no other', () => {
	const mesh = memoryMesh()
	mesh.apply({ put: [match('x'), match('y', 'shop'), match('share', 'shop', { percent: 10 })] })
	const matches = (put: readonly ReturnType<typeof users>[]) =>
		[...mesh.apply({ put }).keys()].filter((key) => key.startsWith('TrafficMatch/')).sort()
	expect(matches([users('n', {}, 'shop')])).toEqual(['TrafficMatch/shop/y'])
	expect(matches([users('m', toMesh)])).toEqual(['TrafficMatch/default/x', 'TrafficMatch/shop/y'])
	expect(matches([users('s', toService, 'shop'), users('o', {}, 'ops')])).toEqual([])
})
