/** Mutual TLS between two processes that know nothing of the mesh but their X509-SVIDs and the bundle. */
import { describe, expect, test } from 'vitest'
import {
	type Authority,
	bridge,
	issued,
	newIntermediate,
	newKeys,
	newRoot,
	ORDERS,
	request,
	TRUST_DOMAIN,
	validFor,
} from '../unit/certificates/authorities.ts'
import { meet as meetAs, type Peer } from './tlsPeers.ts'

const PAYMENTS = ORDERS.replace('orders', 'payments')
const FOREIGN = ORDERS.replace(TRUST_DOMAIN, 'mesh.example.org')

// These processes have clocks of their own.
const now = Date.now()
const authority = async (trustDomain: string): Promise<[Authority, Authority]> => {
	const root = await newRoot(trustDomain, validFor(2, '1', now))
	return [root, await newIntermediate(root, trustDomain, validFor(2, '2', now))]
}
const [oldRoot, underOld] = await authority(TRUST_DOMAIN)
const [newerRoot, underNewer] = await authority(TRUST_DOMAIN)
const [foreignRoot, underForeign] = await authority('mesh.example.org')
const cross = await bridge(oldRoot, newerRoot, validFor(1, '3', now))

interface Workload {
	readonly spiffeId: string
	/** Nobody: it proves nothing. */
	readonly issuer?: Authority
	/** Beside the leaf and its issuer. */
	readonly chain?: readonly string[]
	readonly roots: readonly Authority[]
	readonly expects: string
}

async function peerOf(workload: Workload): Promise<Peer> {
	const keys = await newKeys()
	const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
	const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`
	const { roots, expects } = workload
	return { key, chain: await chainOf(workload, keys), bundle: roots.map(({ certificate }) => certificate), expects }
}

async function chainOf({ spiffeId, issuer, chain = [] }: Workload, keys: CryptoKeyPair): Promise<string[]> {
	if (issuer === undefined) return []
	const leaf = await issued(issuer, await request([], keys), spiffeId, validFor(1, '4', now))
	return [leaf.certificate, issuer.certificate, ...chain]
}

const meet = async (server: Workload, client: Workload) => meetAs(await peerOf(server), await peerOf(client))

const payments: Workload = { spiffeId: PAYMENTS, issuer: underOld, roots: [oldRoot], expects: ORDERS }
const orders: Workload = { spiffeId: ORDERS, issuer: underOld, roots: [oldRoot], expects: PAYMENTS }
const greeted = {
	server: { met: `URI:${ORDERS}`, protocol: 'TLSv1.3' },
	client: { met: `URI:${PAYMENTS}`, protocol: 'TLSv1.3' },
}

describe('two workloads prove to each other who they are', () => {
	test.each([
		['before a rotation', {}, {}],
		['when only the client’s certificate is of the new root', {}, { issuer: underNewer, chain: [cross] }],
		['when only the server’s certificate is of the new root', { issuer: underNewer, chain: [cross] }, {}],
		[
			'when one knows only the new root, and the other only the old one',
			{ issuer: underNewer, chain: [cross] },
			{ issuer: underNewer, chain: [cross], roots: [newerRoot] },
		],
		[
			'when the old root is gone',
			{ issuer: underNewer, roots: [newerRoot] },
			{ issuer: underNewer, roots: [newerRoot] },
		],
	])('%s', async (_, server, client) => {
		expect(await meet({ ...payments, ...server }, { ...orders, ...client })).toEqual(greeted)
	})
})

describe('a connection is refused', () => {
	const foreign = { spiffeId: FOREIGN, issuer: underForeign }
	const refused = (word: string) => ({ refused: expect.stringContaining(word) })

	test('by the server, from a client of another trust domain', async () => {
		const met = await meet({ ...payments, expects: FOREIGN }, { ...orders, ...foreign })
		expect(met).toEqual({
			server: { refused: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' },
			client: { refused: expect.any(String) },
		})
	})

	test('by the server, from a client of another trust domain that claims to be of this one', async () => {
		const [, underImpostor] = await authority(TRUST_DOMAIN)
		const met = await meet(payments, { ...orders, issuer: underImpostor })
		expect(met).toEqual({
			server: { refused: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' },
			client: { refused: expect.any(String) },
		})
	})

	test('by the client, to a server of another trust domain', async () => {
		const met = await meet({ ...payments, ...foreign, roots: [oldRoot] }, { ...orders, expects: FOREIGN })
		expect(met).toMatchObject({ client: refused('unable to get') })
	})

	test('by the server, from another workload of its trust domain', async () => {
		const other = ORDERS.replace('orders', 'stock')
		const met = await meet(payments, { ...orders, spiffeId: other })
		expect(met).toMatchObject({ server: refused(`the client is URI:${other}`), client: { refused: expect.anything() } })
	})

	test('by the client, to another workload of its trust domain', async () => {
		const other = ORDERS.replace('orders', 'stock')
		expect(await meet({ ...payments, spiffeId: other }, orders)).toMatchObject({
			client: refused(`the server is URI:${other}`),
		})
	})

	test('by the server, from a client that proves nothing', async () => {
		const { issuer: _, ...anonymous } = orders
		const met = await meet(payments, anonymous)
		expect(met).toEqual({
			server: refused('peer did not return a certificate'),
			client: refused('certificate required'),
		})
	})

	test('by both, when each knows only the other trust domain’s root', async () => {
		const met = await meet({ ...payments, roots: [foreignRoot] }, { ...orders, roots: [foreignRoot] })
		expect(met).toMatchObject({ client: refused('unable to get') })
	})
})
