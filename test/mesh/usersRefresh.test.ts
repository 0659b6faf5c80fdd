/** The scheduler's refresh of keys of end users' issuers: whose are fetched, and how many. */
import { expect, it } from 'vitest'
import type { FetchedInfo, FetchedKeys, StoredResource } from '../../src/ports.ts'
import type { Resource } from '../../src/resources/resource.ts'
import { type KeysRefreshFailure, type OutsideEnv, refreshOutside } from '../../workers/scheduler/outside.ts'
import { requestAuthentication } from './userIssuer.ts'

const NOW = 1_000_000_000_000
const JWKS = JSON.stringify({ keys: [{ kty: 'EC', kid: 'i1', crv: 'P-256', x: 'x', y: 'y' }] })

let created = 0
const stored = (resource: object): StoredResource => ({
	resource: resource as Resource,
	...{ generation: 1, revision: 1, createdAt: new Date(++created * 1_000).toISOString(), status: {} },
})
const users = (...jwtRules: object[]) => stored(requestAuthentication('r', jwtRules))

async function refreshed(documents: readonly StoredResource[], known: readonly FetchedInfo[] = []) {
	const put = new Map<string, FetchedKeys & { kind: string }>()
	const log: KeysRefreshFailure[] = []
	let kept: readonly string[] | undefined
	const env: OutsideEnv = {
		MESH_DOMAIN: 'mesh.example.com',
		POLICY_STORE: {
			getByName: () => ({
				list: async (kind) => ({ items: documents.filter(({ resource }) => resource.kind === kind) }),
			}),
		},
		KEY_RING: {
			getByName: () => ({
				listFetchedKeys: async () => known,
				keepFetchedKeys: async (names) => {
					kept = names
				},
				putFetchedKeys: async (name, kind, keys) => {
					put.set(name, { ...keys, kind })
				},
			}),
		},
	}
	const fetch = async (url: string) => {
		if (url.includes('down.example')) throw new Error('down')
		const issuer = /^(.*)\/\.well-known\/openid-configuration$/.exec(url)?.[1]
		return new Response(issuer === undefined ? JWKS : JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }))
	}
	await refreshOutside(env, { fetch, now: () => NOW }, (failure) => log.push(failure))
	return { put, log, kept }
}

it('those of every rule that gives no keys itself are fetched once, and kept apart from those for workloads', async () => {
	const issuer = 'https://id.example'
	const joining = {
		...{ apiVersion: 'selvedge.dev/v1', kind: 'WorkloadTrust', metadata: { name: 'ci', namespace: 'default' } },
		spec: { workload: 'w', oidc: { issuer, audiences: ['a'] } },
	}
	const { put, log } = await refreshed([
		users({ issuer }, { issuer, audiences: ['other'] }, { issuer: 'https://inline.example', jwks: { keys: [] } }),
		users({ issuer }, { issuer: 'any text', jwksUri: 'https://keys.example/set' }),
		stored(joining),
	])
	const document = { body: JWKS, fetchedAt: NOW }
	expect(Object.fromEntries(put)).toEqual({
		[`users ${issuer}`]: { kind: 'userIssuer', url: `${issuer}/keys`, ...document },
		'users any text#https://keys.example/set': { kind: 'userIssuer', url: 'https://keys.example/set', ...document },
		[issuer]: { kind: 'issuer', url: `${issuer}/keys`, ...document },
	})
	expect(log).toEqual([])
})

it('of one that fails, the failure is noted where its good keys are, and the others are fetched', async () => {
	const known: FetchedInfo = {
		...{ name: 'users https://down.example', kind: 'userIssuer', url: 'https://down.example/keys' },
		...{ fetchedAt: 1, triedAt: 1 },
	}
	const { put, kept } = await refreshed(
		[users({ issuer: 'https://down.example' }), users({ issuer: 'https://up.example' })],
		[known],
	)
	expect(put.get(known.name)).toMatchObject({ url: known.url, body: '', failure: expect.stringContaining('down') })
	expect(put.get('users https://up.example')).toMatchObject({ body: JWKS })
	expect(kept).toBeUndefined()
})

it('those that no rule names any more are forgotten', async () => {
	const info = (name: string): FetchedInfo => ({
		...{ name: `users https://${name}.example`, kind: 'userIssuer', url: '' },
		...{ fetchedAt: NOW, triedAt: NOW },
	})
	const { kept } = await refreshed([users({ issuer: 'https://stays.example' })], ['stays', 'gone'].map(info))
	expect(kept).toEqual(['users https://stays.example'])
})

it('of more than 256 issuers the oldest are fetched, and the others named', async () => {
	const documents = Array.from({ length: 258 }, (_, i) => users({ issuer: `https://i${i}.example` }))
	const { log, put } = await refreshed(documents.reverse())
	expect(log.map(({ name, error }) => [name, error])).toEqual(
		[256, 257].map((i) => [
			`users https://i${i}.example`,
			"of the issuers of users' tokens, the oldest 256 are fetched",
		]),
	)
	expect(put.size).toBe(200)
})
