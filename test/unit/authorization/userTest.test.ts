/** Conditions on an end user alone: what they mean, and that they mean what they do in an AuthorizationPolicy. */
import { describe, expect, it } from 'vitest'
import { parseKey } from '../../../src/authorization/accessKey.ts'
import { compileAccess } from '../../../src/authorization/compileAccess.ts'
import { decide } from '../../../src/authorization/decide.ts'
import type { AccessRequest, AccessUser } from '../../../src/authorization/request.ts'
import { compileUserTest } from '../../../src/authorization/userTest.ts'
import type { AccessCondition } from '../../../src/snapshot/authorization.ts'
import { seeded } from '../../random.ts'

const SEED = 31

const ALICE: AccessUser = {
	...{ principal: 'https://idp/alice', audiences: ['shop', 'bank'], presenter: 'app' },
	claims: { groups: ['group1', 'group2'], scope: 'read write', level: 3, key1: { key2: 'val2' }, vip: true },
	spaceDelimitedClaims: ['scope'],
}
const condition = (key: string, values?: string[], notValues?: string[]): AccessCondition => ({
	key: parseKey(`request.auth.${key}`)!,
	...(values && { values }),
	...(notValues && { notValues }),
})

describe('of a user', () => {
	it.each<[string, boolean, AccessCondition[]]>([
		['one of a list that is claimed is enough', true, [condition('claims[groups]', ['group0', 'group2'])]],
		['another one is not', false, [condition('claims[groups]', ['group3'])]],
		['a claim within a claim counts', true, [condition('claims[key1][key2]', ['val2'])]],
		['and only there', false, [condition('claims[key2]', ['val2'])]],
		['scopes are a list', true, [condition('claims[scope]', ['write'])]],
		['numbers and truths are texts', true, [condition('claims[level]', ['3']), condition('claims[vip]', ['true'])]],
		['patterns match', true, [condition('principal', ['https://idp/*']), condition('audiences', ['*k'])]],
		['the client counts', true, [condition('presenter', ['app'])]],
		['what is excluded does not pass', false, [condition('claims[groups]', ['*'], ['group1'])]],
		['a claim that is not there is not excluded', true, [condition('claims[other]', undefined, ['*'])]],
		['all conditions must hold', false, [condition('presenter', ['app']), condition('principal', ['x'])]],
	])('%s: %s', (_, expected, when) => expect(compileUserTest(when)(ALICE)).toBe(expected))
})

it('of nobody nothing holds, not even that somebody is excluded', () => {
	for (const when of [condition('claims[a]', undefined, ['x']), condition('principal', ['*'])])
		expect(compileUserTest([when])(undefined)).toBe(false)
})

it(`what holds of a user is what admits one (seed ${SEED}, 20,000 cases)`, () => {
	const random = seeded(SEED)
	const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
	const texts = () =>
		Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(['a', 'b', 'a*', '*b', '*', 'ab']))
	const value = () => pick<unknown>(['a', 'b', 'ab', 'a b', '', ['a', 'ab'], [], 1, { b: 'a' }, { b: ['ab'] }, null])
	const verdicts = new Map<boolean, number>()
	for (let i = 0; i < 20_000; i++) {
		const when = Array.from({ length: 1 + Math.floor(random() * 2) }, () => {
			const key = pick(['claims[a]', 'claims[a][b]', 'claims[c]', 'principal', 'audiences', 'presenter'])
			const kind = random()
			return condition(key, kind < 0.7 ? texts() : undefined, kind > 0.5 ? texts() : undefined)
		})
		const user: AccessUser = {
			...{ principal: pick(['a', 'b', 'ab/b']), audiences: pick([[], ['a'], ['ab', 'b']]) },
			...(random() < 0.5 ? { presenter: pick(['a', 'b']) } : {}),
			claims: { a: value(), c: value() },
			spaceDelimitedClaims: pick([[], ['a']]),
		}
		const request: AccessRequest = {
			...{ method: 'GET', host: 'h', port: 80, path: '/', header: () => null, clientAddress: '', now: 0, user },
		}
		const access = compileAccess([{ name: 'd/p', action: 'ALLOW', rules: [{ when }] }], 'mesh.test')
		const holds = compileUserTest(when)(user)
		expect(holds, JSON.stringify({ when, user })).toBe(decide([access], 'open', request).allowed)
		verdicts.set(holds, (verdicts.get(holds) ?? 0) + 1)
	}
	expect(Math.min(verdicts.get(true)!, verdicts.get(false)!)).toBeGreaterThan(4_000)
})
