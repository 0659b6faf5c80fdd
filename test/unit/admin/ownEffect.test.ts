/** What a change would do, as those see it who are limited to namespaces: nothing of what the Mesh says of authorizers. */
import { expect, it } from 'vitest'
import { collectEffect, type PartChange } from '../../../src/snapshot/effect/effect.ts'
import { ownEffect } from '../../../workers/admin/api/ownEffect.ts'
import { allow, custom, EVERYTHING } from '../proxy/access/guarded.ts'

const OF_DEFAULT = { namespaces: ['default'] }
const secret = { service: 'bravo/opa', includeAdditionalHeaders: [['x-key', 'hush']] as const }
const access = (policies: NonNullable<Extract<PartChange['after'], { kind: 'namespace' }>['access']>) =>
	({ kind: 'namespace', namespace: 'default', access: policies }) as const

function effectOf(before: PartChange['before'], after: PartChange['after']) {
	const collected = collectEffect()
	collected.add({ name: 'namespace/default', before, after })
	return collected.effect(() => true)
}

it.each<[string, PartChange['before'], PartChange['after']]>([
	['a policy that comes', null, access([custom(secret)])],
	['one that goes', access([custom(secret), allow('a', EVERYTHING)]), access([allow('a', EVERYTHING)])],
	['one that asks from now on', access([{ ...allow('custom', EVERYTHING) }]), access([custom(secret)])],
	['one that asks another', access([custom({ name: 'other' })]), access([custom(secret)])],
])('%s names its authorizer, and says nothing else of it', (_, before, after) => {
	const effect = effectOf(before, after)
	expect(JSON.stringify(effect)).toMatch(/bravo|hush/)
	const own = ownEffect(effect, OF_DEFAULT)
	expect(JSON.stringify(own)).not.toMatch(/bravo|hush/)
	expect(JSON.stringify(own)).toContain('opa')
	expect([own.namespaces?.[0]?.change, own.counts]).toEqual([effect.namespaces?.[0]?.change, effect.counts])
	expect(ownEffect(effect, {})).toBe(effect)
})

it('what is theirs they see', () => {
	const rules = allow('a', { from: [{ namespaces: ['default'] }] })
	const effect = effectOf(access([allow('a', EVERYTHING)]), access([rules, { ...custom(), name: 'default/b' }]))
	const own = ownEffect(effect, OF_DEFAULT)
	expect(JSON.stringify(own)).toContain('{"namespaces":["default"]}')
	expect(own.namespaces![0]!.fields.map(({ path }) => path)).toEqual(
		effect.namespaces![0]!.fields.map(({ path }) => path),
	)
})
