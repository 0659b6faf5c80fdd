/** The root's API tokens: known by hash alone, replaced and revoked at once, on record. */
import { evictDurableObject, reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashOf } from '../../workers/admin/tokens.ts'
import { ACTOR, everything, inRoot, root, rootStub } from './meshObjects.ts'

const SECRET = 'selvedge_a-secret-that-nobody-may-find'
let hash: string
beforeEach(async () => {
	hash = await hashOf(SECRET)
})
afterEach(() => reset())

const create = (name: string, tokenHash: string) =>
	root().createToken({ name, role: 'operator', hash: tokenHash }, ACTOR)

describe('a token', () => {
	it('is found by its hash and by nothing else, also after a restart', async () => {
		const { id } = await create('ci', hash)
		await evictDurableObject(rootStub())
		expect(await root().authenticate(hash)).toEqual({ token: id, name: 'ci', role: 'operator' })
		for (const wrong of [SECRET, hash.slice(0, -1), hash.toUpperCase(), '', "' OR 1=1 --"])
			expect(await root().authenticate(wrong), wrong).toBeNull()
	})

	it('is nowhere in storage, and its hash only where it is looked up', async () => {
		await create('ci', hash)
		const { tokens, ...rest } = await inRoot(everything)
		expect(JSON.stringify({ tokens, rest })).not.toContain(SECRET)
		expect(JSON.stringify(tokens)).toContain(hash)
		expect(JSON.stringify(rest)).not.toContain(hash)
		expect(JSON.stringify(await root().listTokens())).not.toContain(hash)
	})

	it('revoked is refused from then on; revoking what is not there says so', async () => {
		const { id } = await create('ci', hash)
		expect(await root().revokeToken('other', ACTOR)).toBe(false)
		expect(await root().revokeToken(id, ACTOR)).toBe(true)
		expect(await root().authenticate(hash)).toBeNull()
		expect(await root().listTokens()).toEqual([])
		expect(await root().revokeToken(id, ACTOR)).toBe(false)
	})

	it('is on record when it comes and when it goes', async () => {
		const info = await create('ci', hash)
		await root().revokeToken(info.id, ACTOR)
		const key = `Token/-/${info.id}`
		expect((await root().audit({ limit: 10 })).items).toMatchObject([
			{ actor: 'ana', action: 'token.revoke', changes: [{ key, before: info, after: null }] },
			{ actor: 'ana', action: 'token.create', changes: [{ key, before: null, after: info }] },
		])
	})
})

describe('the bootstrap token', () => {
	it('is replaced by the next secret, and there is always one', async () => {
		await root().bootstrap(hash)
		await root().bootstrap(hash)
		expect(await root().authenticate(hash)).toEqual({ token: 'bootstrap', name: 'bootstrap', role: 'admin' })
		const next = await hashOf('another secret')
		await root().bootstrap(next)
		expect(await root().authenticate(hash)).toBeNull()
		expect(await root().authenticate(next)).toMatchObject({ role: 'admin' })
		expect(await root().listTokens()).toHaveLength(1)
	})

	it('cannot be revoked over the API', async () => {
		await root().bootstrap(hash)
		expect(await root().revokeToken('bootstrap', ACTOR)).toBe(false)
		expect(await root().authenticate(hash)).not.toBeNull()
	})

	it('leaves other tokens alone when it is replaced', async () => {
		const other = await hashOf('other')
		await create('ci', other)
		await root().bootstrap(hash)
		await root().bootstrap(await hashOf('next'))
		expect(await root().authenticate(other)).toMatchObject({ name: 'ci' })
	})
})
