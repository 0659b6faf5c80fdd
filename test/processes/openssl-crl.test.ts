/** What openssl and Node make of the mesh's revocation lists: before, during and after the rotation of every authority. */
import { X509Certificate } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { createRevocationList, type RevokedCertificate } from '../../src/certificates/revocationList.ts'
import {
	type Authority,
	bridge,
	issued,
	NOW,
	newIntermediate,
	newRoot,
	ORDERS,
	recertified,
	TRUST_DOMAIN,
	validFor,
} from '../unit/certificates/authorities.ts'
import { openWorkshop, pemOfList, requestOf, type Verification, verify } from './openssl.ts'
import { meet, type Peer } from './tlsPeers.ts'

const shop = openWorkshop()
afterAll(() => shop.remove())

const DAY_MS = 86_400_000

/** The first root is followed by the second; intermediate `under1` by `next1`, and it is certified anew by the second root. */
const first = await newRoot(TRUST_DOMAIN, validFor(730, '11'))
const second = await newRoot(TRUST_DOMAIN, validFor(730, '12'))
const cross = await bridge(first, second, validFor(365, '13'))
const under1 = await newIntermediate(first, TRUST_DOMAIN, validFor(60, '21'))
const next1 = await newIntermediate(first, TRUST_DOMAIN, validFor(60, '22'))
const again = await recertified(under1, second, validFor(60, '23'))
const under2 = await newIntermediate(second, TRUST_DOMAIN, validFor(60, '24'))
const everybody = [first, second, under1, next1, under2]

const { csr } = requestOf(shop)
const leafOf = async (issuer: Authority, serialNumber: string) =>
	(await issued(issuer, csr, ORDERS, validFor(1, serialNumber))).certificate
const leafOf1 = await leafOf(under1, '31')
const otherOf1 = await leafOf(under1, '3f')
const leafOfNext1 = await leafOf(next1, '32')
const leafOf2 = await leafOf(under2, '34')

/** By authority: what it took back. Everybody has a list. */
type Taken = ReadonlyMap<Authority, readonly RevokedCertificate[]>
const NOTHING: Taken = new Map()
const serial = (pem: string) => new X509Certificate(pem).serialNumber.toLowerCase().replace(/^0+/, '')
const leafTaken = (issuer: Authority, leaf: string): Taken =>
	new Map([[issuer, [{ serialNumber: serial(leaf), revokedAt: NOW - 1_000 }]]])
/** As a ring does: each root lists the certificates that it gave to the compromised key. */
const compromised = (...certificates: readonly (readonly [Authority, string])[]): Taken => {
	const entry = (pem: string) => ({
		serialNumber: serial(pem),
		revokedAt: NOW - 1_000,
		reason: 'cACompromise' as const,
	})
	return new Map(
		[first, second].map((root) => [root, certificates.filter(([by]) => by === root).map(([, c]) => entry(c))]),
	)
}

const listOf = (issuer: Authority, revoked: readonly RevokedCertificate[] = [], from = NOW) =>
	createRevocationList({ issuer, number: 1, thisUpdate: from - 60_000, nextUpdate: from + DAY_MS, revoked })
const listsOf = (taken: Taken, authorities = everybody, from = NOW): Promise<string[]> =>
	Promise.all(authorities.map(async (each) => pemOfList(await listOf(each, taken.get(each), from))))

const [R1, R2] = [first.certificate, second.certificate]
const [I1, J1, I2] = [under1.certificate, next1.certificate, under2.certificate]
interface Shown {
	readonly leaf: string
	readonly chain: readonly string[]
	readonly roots: readonly string[]
}
const shown = (leaf: string, chain: string[], roots: string[]): Shown => ({ leaf, chain, roots })
const asked = async (what: Shown, taken: Taken): Promise<Verification> => ({
	...what,
	at: NOW,
	lists: await listsOf(taken),
})

/** Each stage of a rotation: a chain, its leaf's issuer, and what its roots list if that one is compromised. */
const compromised1 = compromised([first, I1], [second, again])
const stages: [string, Shown, Authority, Taken][] = [
	['before a rotation', shown(leafOf1, [I1], [R1]), under1, compromised([first, I1])],
	['when the next root is announced', shown(leafOf1, [I1], [R1, R2]), under1, compromised([first, I1])],
	['of the intermediate that replaced another', shown(leafOfNext1, [J1], [R1]), next1, compromised([first, J1])],
	['of the intermediate that was replaced', shown(leafOf1, [I1], [R1]), under1, compromised([first, I1])],
	['from before the new root, whose chain is the old one', shown(leafOf1, [I1], [R1, R2]), under1, compromised1],
	['below the new root, with the old one alone', shown(leafOf1, [again, cross], [R1]), under1, compromised1],
	['below the new root, with the new one alone', shown(leafOf1, [again, cross], [R2]), under1, compromised1],
	['below the new root, with both', shown(leafOf1, [again, cross], [R1, R2]), under1, compromised1],
	['with both of its chains', shown(leafOf1, [I1, again, cross], [R1, R2]), under1, compromised1],
	[
		'of the new root’s own intermediate, with the old root',
		shown(leafOf2, [I2, cross], [R1]),
		under2,
		compromised([second, I2]),
	],
	[
		'of the new root’s own intermediate, with the new root',
		shown(leafOf2, [I2, cross], [R2]),
		under2,
		compromised([second, I2]),
	],
	['when the old root is gone', shown(leafOf2, [I2], [R2]), under2, compromised([second, I2])],
]

describe('openssl verify -crl_check_all, with a leaf', () => {
	test.each(stages)('%s: it is believed until it or its intermediate is taken back', async (_, what, issuer, taken) => {
		for (const purpose of ['sslserver', 'sslclient'] as const) {
			expect(verify(shop, { ...(await asked(what, NOTHING)), purpose })).toMatchObject({ succeeded: true })
			expect(verify(shop, { ...(await asked(what, leafTaken(issuer, what.leaf))), purpose })).toMatchObject({
				succeeded: false,
				output: expect.stringContaining('error 23 at 0 depth lookup: certificate revoked'),
			})
			expect(verify(shop, { ...(await asked(what, taken)), purpose })).toMatchObject({
				succeeded: false,
				output: expect.stringContaining('error 23 at 1 depth lookup: certificate revoked'),
			})
		}
	})

	test('every other one under a compromised intermediate is refused too', async () => {
		const other = shown(otherOf1, [I1], [R1])
		expect(verify(shop, await asked(other, leafTaken(under1, leafOf1)))).toMatchObject({ succeeded: true })
		expect(verify(shop, await asked(other, compromised([first, I1])))).toMatchObject({ succeeded: false })
	})

	test('one under an intermediate that is not compromised goes on to be believed', async () => {
		const taken = compromised([first, I1], [second, again])
		expect(verify(shop, await asked(shown(leafOfNext1, [J1], [R1]), taken))).toMatchObject({ succeeded: true })
		expect(verify(shop, await asked(shown(leafOf2, [I2, cross], [R1]), taken))).toMatchObject({ succeeded: true })
	})

	test('below a root that another one has vouched for and taken back, is refused by who knows only that one', async () => {
		const taken = compromised([first, cross])
		expect(verify(shop, await asked(shown(leafOf2, [I2, cross], [R1]), taken))).toMatchObject({
			succeeded: false,
			output: expect.stringContaining('error 23 at 2 depth lookup: certificate revoked'),
		})
		expect(verify(shop, await asked(shown(leafOf2, [I2, cross], [R2]), taken))).toMatchObject({ succeeded: true })
	})
})

describe('openssl verify -crl_check_all is told nothing by', () => {
	const what = shown(leafOf1, [I1], [R1])
	const refused = (output: string) => ({ succeeded: false, output: expect.stringContaining(output) })

	test('lists that lack the one of an authority of the chain', async () => {
		for (const missing of [first, under1]) {
			const lists = await listsOf(
				NOTHING,
				[first, under1].filter((each) => each !== missing),
			)
			expect(verify(shop, { ...what, at: NOW, lists })).toMatchObject(refused('unable to get certificate CRL'))
		}
	})

	test('a list that has ended, or has not begun', async () => {
		for (const [from, output] of [
			[NOW - DAY_MS - 1_000, 'CRL has expired'],
			[NOW + 61_000, 'CRL is not yet valid'],
		] as const)
			expect(verify(shop, { ...what, at: NOW, lists: await listsOf(NOTHING, everybody, from) })).toMatchObject(
				refused(output),
			)
	})

	test('a list that another authority of the mesh has signed', async () => {
		const lists = await listsOf(NOTHING, [first, next1])
		expect(verify(shop, { ...what, at: NOW, lists })).toMatchObject(refused('unable to get certificate CRL'))
	})

	test('a list in which somebody changed a bit', async () => {
		const list = await listOf(under1, [{ serialNumber: '77', revokedAt: NOW }])
		// The serial number: 0x77 becomes 0x76.
		const forged = Uint8Array.from(list)
		forged[Buffer.from(list).indexOf(Buffer.from('020177', 'hex')) + 2]! ^= 1
		const lists = [...(await listsOf(NOTHING, [first])), pemOfList(forged)]
		expect(verify(shop, { ...what, at: NOW, lists })).toMatchObject(refused('CRL signature failure'))
	})
})

describe('openssl crl', () => {
	const taken = [
		{ serialNumber: 'f00d', revokedAt: NOW },
		{ serialNumber: '5e71', revokedAt: NOW, reason: 'keyCompromise' as const },
	]

	test.each(everybody.map((issuer) => [new X509Certificate(issuer.certificate).subject, issuer] as const))(
		'-verify finds the signature of %s good, and not by its root’s or another’s key',
		async (_, issuer) => {
			const list = shop.file(pemOfList(await listOf(issuer, taken)))
			const by = ({ certificate }: Authority) =>
				shop.run(
					'crl',
					'-in',
					list,
					'-noout',
					'-verify',
					'-no-CApath',
					'-no-CAstore',
					'-CAfile',
					shop.file(certificate),
				)
			expect(by(issuer).output).toContain('verify OK')
			for (const other of everybody.filter((each) => each !== issuer))
				expect(by(other).output).not.toContain('verify OK')
		},
	)

	test('reads number, dates, signer, entries and reasons', async () => {
		const text = shop.read('crl', '-in', shop.file(pemOfList(await listOf(under1, taken))), '-noout', '-text')
		for (const line of [
			/Version 2 \(0x1\)/,
			/Signature Algorithm: ecdsa-with-SHA256/,
			/Last Update: Nov 22 23:59:00 2026 GMT\s+Next Update: Nov 24 00:00:00 2026 GMT/,
			/X509v3 Authority Key Identifier:\s+([0-9A-F]{2}:){19}[0-9A-F]{2}\s+X509v3 CRL Number:\s+1\n/,
			/Serial Number: F00D\s+Revocation Date: Nov 23 00:00:00 2026 GMT\s+Serial Number: 5E71/,
			/Serial Number: 5E71\s+Revocation Date: .*\s+CRL entry extensions:\s+X509v3 CRL Reason Code:\s+Key Compromise/,
		])
			expect(text).toMatch(line)
	})
})

describe('Node’s tls, given the lists as crl,', () => {
	// These processes have clocks of their own.
	const now = Date.now()
	const PAYMENTS = ORDERS.replace('orders', 'payments')

	async function scene() {
		const root = await newRoot(TRUST_DOMAIN, validFor(2, '1', now))
		const issuer = await newIntermediate(root, TRUST_DOMAIN, validFor(2, '2', now))
		const peerOf = async (spiffeId: string, expects: string, serialNumber: string): Promise<Peer> => {
			const own = requestOf(shop)
			const { certificate } = await issued(issuer, own.csr, spiffeId, validFor(1, serialNumber, now))
			return { key: own.key, chain: [certificate, issuer.certificate], bundle: [root.certificate], expects }
		}
		const bySerial = async (ofRoot: string[], ofIssuer: string[]) => {
			const entries = (serials: string[]) => serials.map((serialNumber) => ({ serialNumber, revokedAt: now }))
			const lists = [await listOf(root, entries(ofRoot), now), await listOf(issuer, entries(ofIssuer), now)]
			return lists.map(pemOfList)
		}
		return { bySerial, payments: await peerOf(PAYMENTS, ORDERS, '3'), orders: await peerOf(ORDERS, PAYMENTS, '4') }
	}

	test('meets peers that are not on them, and refuses those that are, and all below an intermediate that is', async () => {
		const { bySerial, payments, orders } = await scene()
		const [nobody, client, authority] = [await bySerial([], []), await bySerial([], ['4']), await bySerial(['2'], [])]
		const greeted = { met: `URI:${ORDERS}`, protocol: 'TLSv1.3' }
		expect((await meet({ ...payments, lists: nobody }, { ...orders, lists: nobody })).server).toEqual(greeted)
		for (const lists of [client, authority])
			expect((await meet({ ...payments, lists }, orders)).server).toEqual({ refused: 'CERT_REVOKED' })
		// As the client, which is on its own list, but the server is not.
		expect((await meet(payments, { ...orders, lists: client })).server).toEqual(greeted)
		expect((await meet(payments, { ...orders, lists: await bySerial([], ['3']) })).client).toEqual({
			refused: 'certificate revoked',
		})
	})

	test('refuses everybody when it lacks a list', async () => {
		const { bySerial, payments, orders } = await scene()
		const lists = (await bySerial([], [])).slice(0, 1)
		expect((await meet({ ...payments, lists }, orders)).server).toEqual({ refused: 'UNABLE_TO_GET_CRL' })
	})
})
