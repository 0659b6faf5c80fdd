/** Which WorkloadTrust decides where several fit, and by which a workload goes on. */
import { describe, expect, it } from 'vitest'
import { candidatesOf, choose, namesWorkload, trustName } from '../../../src/joining/candidates.ts'
import type { TrustDocument } from '../../../src/joining/fits.ts'

const oidc = { issuer: 'https://ci.example', audiences: ['mesh'] }
const trust = (name: string, spec: TrustDocument['spec'], namespace = 'default'): TrustDocument => ({
	metadata: { namespace, name },
	spec,
})
const main = trust('main', { workload: 'deployer', oidc: { ...oidc, claims: { ref: 'main' } } })
const twin = trust('twin', { workload: 'deployer', oidc: { ...oidc, claims: { ref: 'main' } } })
const any = trust('any', { workload: 'tester', oidc: { ...oidc, claims: { ref: { prefix: 'm' } } } }, 'shop')
const evidence = (ref: string) => ({ method: 'oidc', claims: { iss: oidc.issuer, aud: 'mesh', ref } }) as const

describe('candidates', () => {
	it('are the trusts that fit; of the others it is noted which rule does not hold', () => {
		const { candidates, unmet } = candidatesOf([main, any], evidence('mine'), 'mesh.test')
		expect(candidates).toEqual([{ trust: any, workload: { namespace: 'shop', workload: 'tester' } }])
		expect(unmet).toBe('default/main: spec.oidc.claims["ref"]')
		expect(candidatesOf([], evidence('main'), 'mesh.test').unmet).toBe('there is no such WorkloadTrust')
	})

	it.each([
		['of one workload, the first of its trusts', [main, twin], undefined, 'default/main'],
		['of several, the one that was asked for', [main, any], { namespace: 'shop', workload: 'tester' }, 'shop/any'],
	])('%s decides', (_, trusts, asked, expected) => {
		const chosen = choose(candidatesOf(trusts, evidence('main'), 'mesh.test').candidates, asked)
		expect(chosen.ok && trustName(chosen.value.trust)).toBe(expected)
	})

	it('none decides where several fit and none was asked for, or where none fits', () => {
		const { candidates } = candidatesOf([any, main], evidence('main'), 'mesh.test')
		expect(choose(candidates, undefined)).toEqual({
			ok: false,
			error: { reason: 'several', choices: ['default/deployer', 'shop/tester'] },
		})
		expect(choose(candidates, { namespace: 'default', workload: 'tester' })).toEqual({
			ok: false,
			error: { reason: 'none' },
		})
	})
})

describe('a trust names', () => {
	const accounts = (names?: string[]) =>
		trust('k8s', { oidc: { ...oidc, kubernetesServiceAccounts: names === undefined ? {} : { names } } }, 'shop')
	it.each([
		[main, 'default', 'deployer', true],
		[main, 'default', 'other', false],
		[main, 'shop', 'deployer', false],
		[accounts(), 'shop', 'whoever', true],
		[accounts(), 'default', 'whoever', false],
		[accounts(['orders']), 'shop', 'orders', true],
		[accounts(['orders']), 'shop', 'payments', false],
	])('%# %s/%s: %s', (named, namespace, workload, expected) => {
		expect(namesWorkload(named, { namespace, workload })).toBe(expected)
	})
})
