/** What `/v1/keys` and `/metrics` say of keys that are others': whose were fetched, and whose cannot be. */
import { beforeEach, expect, it } from 'vitest'
import type { FetchedInfo } from '../../../src/ports.ts'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

let world: World
let ask: Ask

beforeEach(async () => {
	world = await createWorld()
	ask = asker(meshOf(world))
})

const info = (kind: FetchedInfo['kind'], name: string, fetchedAt: number, failure?: string): FetchedInfo => ({
	...{ name, kind, url: 'https://keys.example/private', fetchedAt, triedAt: 900_000 },
	...(failure === undefined ? {} : { failure }),
})
const keys = async () =>
	(await (await ask('GET', '/v1/keys', { as: 'viewer' })).json()) as { fetched: object[]; fetchedLeftOut: number }

it('those that fail come first, each by the name of its issuer or trust domain, and with a time only if there is one', async () => {
	world.keyRing.listed = [
		info('issuer', 'https://id.example', 500_000),
		info('trustDomain', 'other.example', 600_000, 'HTTP 500'),
		info('userIssuer', 'users https://id.example', 700_000),
		info('userIssuer', 'users https://id.example#https://keys.example/set', 0, 'HTTP 404'),
	]
	expect(await keys()).toMatchObject({ trustDomain: 'mesh.localhost', fetchedLeftOut: 0 })
	expect((await keys()).fetched).toEqual([
		{ name: 'other.example', kind: 'trustDomain', fetchedAt: '1970-01-01T00:10:00.000Z', failure: 'HTTP 500' },
		{ name: 'https://id.example#https://keys.example/set', kind: 'userIssuer', failure: 'HTTP 404' },
		{ name: 'https://id.example', kind: 'issuer', fetchedAt: '1970-01-01T00:08:20.000Z' },
		{ name: 'https://id.example', kind: 'userIssuer', fetchedAt: '1970-01-01T00:11:40.000Z' },
	])
	const lines = (await (await ask('GET', '/metrics')).text()).split('\n')
	expect(lines.filter((line) => line.startsWith('selvedge_issuer_keys'))).toEqual([
		'selvedge_issuer_keys_age_seconds{issuer="https://id.example",kind="issuer"} 500',
		'selvedge_issuer_keys_age_seconds{issuer="other.example",kind="trustDomain"} 400',
		'selvedge_issuer_keys_age_seconds{issuer="https://id.example",kind="userIssuer"} 300',
		'selvedge_issuer_keys_failing{issuer="https://id.example",kind="issuer"} 0',
		'selvedge_issuer_keys_failing{issuer="other.example",kind="trustDomain"} 1',
		'selvedge_issuer_keys_failing{issuer="https://id.example",kind="userIssuer"} 0',
		'selvedge_issuer_keys_failing{issuer="https://id.example#https://keys.example/set",kind="userIssuer"} 1',
	])
})

it('of more than 500 the others are counted, and one that fails is never among these', async () => {
	world.keyRing.listed = Array.from({ length: 503 }, (_, i) =>
		info('issuer', `https://ci.example/${i}`, 500_000, i === 502 ? 'HTTP 500' : undefined),
	)
	const { fetched, fetchedLeftOut } = await keys()
	expect([fetched.length, fetchedLeftOut]).toEqual([500, 3])
	expect(fetched[0]).toMatchObject({ name: 'https://ci.example/502', failure: 'HTTP 500' })
})
