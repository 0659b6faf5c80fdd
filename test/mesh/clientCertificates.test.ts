/** Callers with client certificates on the real runtime, in `request.cf` as the edge hands them over, and what merely looks like one. */
import { createLocalJWKSet, decodeProtectedHeader, importJWK, type JSONWebKeySet, type JWK, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { type Admin, adminOf, ask, type Certificate, certified, joined, made, operate } from './identities.ts'
import { authorityOf, csr, leaf, newPair, type Signer, shown } from './leaves.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, to } from './rules.ts'
import { workloadTrust } from './workload.ts'

/** Where the edge asks for certificates, and where it does not. */
const [ASKS, ASKS_NOT] = ['weur', 'enam']
const SHOP = `http://shop.${DOMAIN}`
const OPEN = `http://open.${DOMAIN}`
const CHOSEN = `http://chosen.${DOMAIN}`
const ORDERS = `spiffe://${DOMAIN}/ns/default/sa/orders`
const PARTNER = `spiffe://${DOMAIN}/ns/default/sa/partner`

let mesh: Mesh
let admin: Admin
let backends: Backend[]
let own: Signer
let stranger: Signer
let orders: Certificate

beforeAll(async () => {
	backends = await Promise.all([startBackend(echo), startBackend(echo)])
	const [one, two] = backends.map(({ url }) => url) as [string, string]
	mesh = await startMesh({ regions: [ASKS, ASKS_NOT], certifying: [ASKS], inspected: true })
	admin = adminOf(mesh)
	const targetRefs = [{ group: 'selvedge.dev', kind: 'Service', name: 'shop' }]
	await mesh.apply(
		...['orders', 'brief', 'gone'].map((workload) => workloadTrust(workload, { workload, joinToken: {} })),
		...['shop', 'open', 'chosen'].map((name) => service(name, one)),
		service('other', two),
		{
			...extension('PeerAuthentication', 'shop', {}),
			spec: { targetRefs, mode: 'STRICT', methods: ['ClientCertificate'] },
		},
		extension('TrafficMatch', 'from-orders', { sources: [{ namespace: 'default', workload: 'orders' }] }),
		{
			apiVersion: 'gateway.networking.k8s.io/v1',
			kind: 'HTTPRoute',
			metadata: { name: 'chosen' },
			spec: {
				parentRefs: [{ group: '', kind: 'Service', name: 'chosen' }],
				rules: [{ filters: [extensionRef('TrafficMatch', 'from-orders')], ...to('other') }, to('chosen')],
			},
		},
	)
	orders = await issued('orders')
	own = await authorityOf(mesh)
	stranger = { keyId: 'ab'.repeat(20), key: (await newPair()).privateKey }
	// The first trust part, and the isolate's own certificate, travel beside the path.
	for (const region of [ASKS, ASKS_NOT])
		await eventually(
			async () => (await calling({ tlsClientAuth: {} }, SHOP, { region })).reason,
			(reason) => reason === 'identity_required',
		)
	await eventually(
		async () => (await calling(shown(orders.certificate))).got('selvedge-caller'),
		(assertions) => assertions.length === 1,
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all((backends ?? []).map((backend) => backend.stop()))
})

const issued = async (workload: string) => certified(admin, await joined(admin, workload), await csr())

interface Problem {
	readonly reason?: string
	readonly detail?: string
}

interface Called {
	readonly status: number
	/** Why the mesh refused it, and the code with which its sentence begins. */
	readonly reason: string | undefined
	readonly code: string | undefined
	/** The values of a field that the service got. */
	readonly got: (name: string) => string[]
	/** Of the fields that the service got. */
	readonly names: readonly string[]
}

async function calling(
	cf: object,
	url = SHOP,
	{ headers = {}, region = ASKS }: { headers?: Record<string, string>; region?: string } = {},
): Promise<Called> {
	const response = await mesh.atEdge(cf, `${url}/`, { headers }, region)
	const { rawHeaders = [], reason, detail = '' } = (await response.json()) as Partial<Echoed> & Problem
	return {
		status: response.status,
		reason,
		code: /^(\w+): /.exec(detail)?.[1],
		got: (name) => valuesOf(rawHeaders, name),
		names: rawHeaders.filter((_, i) => i % 2 === 0),
	}
}
const verdict = ({ status, reason, code }: Called) => [status, reason, code].filter((each) => each !== undefined)

/** As any JWT library does it: the delegation by the mesh's key set, the assertion by the delegation's key. */
async function verified(assertion: string) {
	const jwks = createLocalJWKSet(await made<JSONWebKeySet>(ask(admin, 'GET', '/.well-known/jwks.json')))
	const { delegation } = decodeProtectedHeader(assertion) as { delegation: string }
	const checked = await jwtVerify(delegation, jwks, { typ: 'selvedge-delegation+jwt', issuer: admin.issuer })
	const { jwk } = checked.payload.cnf as { jwk: JWK }
	const expected = { typ: 'selvedge-caller+jwt', issuer: admin.issuer, audience: SHOP }
	return (await jwtVerify(assertion, await importJWK(jwk, 'ES256'), expected)).payload
}

const revoke = (body: object) => made(operate(admin, 'POST', '/v1/revocations', { reason: 'a test', ...body }))

describe('a workload with a certificate of the mesh', () => {
	it('is let into a strict service, which learns its name from an assertion that plain JOSE verifies', async () => {
		const called = await calling(shown(orders.certificate), SHOP, { headers: { 'selvedge-caller': 'forged' } })
		expect(verdict(called)).toEqual([200])
		const [assertion, ...others] = called.got('selvedge-caller')
		expect(others).toEqual([])
		expect(await verified(assertion!)).toMatchObject({ sub: ORDERS, aud: SHOP, method: 'ClientCertificate' })
	})

	it('is known by namespace and workload to rules, and by its SPIFFE ID to the access log', async () => {
		const portOf = async (cf: object) => Number((await calling(cf, CHOSEN)).got('host')[0]!.split(':')[1])
		expect(await portOf(shown(orders.certificate))).toBe(backends[1]!.port)
		expect(await portOf({})).toBe(backends[0]!.port)
		await eventually(
			async () => mesh.log.filter(({ authority }) => authority === `chosen.${DOMAIN}`).map(({ caller }) => caller),
			(callers) => callers.length === 2 && callers.includes(ORDERS) && callers.includes(undefined),
		)
	})

	it('is nobody where the edge asks for no certificates: the field is not looked at', async () => {
		for (const cf of [shown(orders.certificate), shown(orders.certificate, { certVerified: 'FAILED:expired' })]) {
			expect(verdict(await calling(cf, SHOP, { region: ASKS_NOT }))).toEqual([403, 'identity_required'])
			const called = await calling(cf, OPEN, { region: ASKS_NOT })
			expect([called.status, called.got('selvedge-caller')]).toEqual([200, []])
		}
	})
})

describe('a certificate is refused', () => {
	const wrong = (code: string) => [400, 'invalid_proof', code]
	const nobody = [403, 'identity_required']

	it.each<[name: string, expected: unknown[], cf: () => object | Promise<object>]>([
		[
			'that the edge did not verify',
			wrong('bad_signature'),
			() => shown(orders.certificate, { certVerified: 'FAILED:self signed certificate' }),
		],
		[
			'that the edge says nothing of',
			wrong('bad_signature'),
			() => shown(orders.certificate, { certVerified: 'NONE' }),
		],
		['that was revoked at the edge', wrong('bad_signature'), () => shown(orders.certificate, { certRevoked: '1' })],
		[
			'that is too large to be handed over',
			wrong('bad_signature'),
			() => shown(orders.certificate, { certRFC9440: '', certRFC9440TooLarge: true }),
		],
		[
			'that is none',
			wrong('malformed'),
			() => shown(orders.certificate, { certRFC9440: ':AAAA:', certFingerprintSHA256: 'a' }),
		],
		['that was not presented', nobody, () => shown(orders.certificate, { certPresented: '0' })],
		[
			'that has expired a second ago',
			wrong('expired'),
			async () => shown(await leaf(own, [ORDERS], { endedMs: 1_000 })),
		],
		['with two URIs', nobody, async () => shown(await leaf(own, [ORDERS, PARTNER]))],
		['with the same URI twice', nobody, async () => shown(await leaf(own, [ORDERS, ORDERS]))],
		[
			'of another trust domain',
			nobody,
			async () => shown(await leaf(own, ['spiffe://evil.example/ns/default/sa/orders'])),
		],
		['by an authority that nobody knows', nobody, async () => shown(await leaf(stranger, [ORDERS]))],
		[
			'by somebody who says to be the mesh’s authority',
			wrong('bad_signature'),
			async () => shown(await leaf({ ...stranger, keyId: own.keyId }, [ORDERS])),
		],
		['of an authority itself', wrong('not_a_leaf'), () => shown(orders.chain[1] ?? '')],
	])('%s: %j', async (_, expected, cf) => {
		const sent = await cf()
		for (let i = 0; i < 2; i++) expect(verdict(await calling(sent))).toEqual(expected)
	})

	it('that only a field tells of, however it is written', async () => {
		const { tlsClientAuth } = shown(orders.certificate)
		const headers = {
			'client-cert': tlsClientAuth.certRFC9440,
			'x-forwarded-client-cert': `URI=${ORDERS}`,
			'cf-client-cert-verified': 'true',
			cf: JSON.stringify({ tlsClientAuth }),
		}
		for (const cf of [{}, { tlsClientAuth: { certPresented: '0' } }])
			expect(verdict(await calling(cf, SHOP, { headers }))).toEqual(nobody)
	})

	it('by services too that ask for none, where it says to be of the mesh and is not', async () => {
		const forged = await leaf({ ...stranger, keyId: own.keyId }, [ORDERS])
		expect(verdict(await calling(shown(forged), OPEN))).toEqual(wrong('bad_signature'))
		expect(verdict(await calling(shown(await leaf(stranger, [ORDERS])), OPEN))).toEqual([200])
	})

	/** One that ends within seconds, and what became of it before. A machine that stood still until then is given another. */
	async function ending() {
		for (;;) {
			const judgedBy = Date.now() + 1_500
			// Its end is a whole second.
			const cf = shown(await leaf(own, [ORDERS], { dns: ['orders.example'], endedMs: -2_500 }))
			const called = await calling(cf)
			if (Date.now() < judgedBy) return { cf, called }
		}
	}

	it('from its end on, where it counted before', async () => {
		const { cf, called } = await ending()
		expect(verdict(called)).toEqual([200])
		await eventually(
			() => calling(cf),
			({ code }) => code === 'expired',
			3_000,
		)
	})

	it.each<[string, string, (one: Certificate) => object]>([
		['its serial number', 'brief', ({ serialNumber }) => ({ certificate: serialNumber })],
		['its workload', 'gone', () => ({ workload: { namespace: 'default', workload: 'gone' } })],
	])(
		'within a second and a half of the revocation of %s, also where it counted before',
		async (_, workload, target) => {
			const one = await issued(workload)
			const cf = shown(one.certificate)
			expect(verdict(await calling(cf))).toEqual([200])
			await revoke(target(one))
			await eventually(
				() => calling(cf),
				({ status, reason }) => status === 400 && reason === 'credential_revoked',
				1_500,
			)
			expect(verdict(await calling(shown(orders.certificate)))).toEqual([200])
		},
	)
})
