import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { provenKey } from '../../../src/certificates/csr.ts'
import { createCsr } from '../../../src/client/csr.ts'
import { isMeshError, join } from '../../../src/client/index.ts'
import { ADMIN, createWorld, json, judged, ORDERS_ID } from './clientWorld.ts'

const OPENSSL = 'openssl'
const PATH = '/v1/identity/certificates'
const issued = {
	certificate: 'LEAF',
	chain: ['LEAF', 'INTERMEDIATE'],
	bundle: ['ROOT'],
	spiffeId: ORDERS_ID,
	serialNumber: '0a',
	expiresIn: 3_600,
}

async function joined() {
	const world = createWorld()
	world.always(PATH, () => json(issued))
	return { world, mesh: await join({ mesh: ADMIN, service: 'orders', token: 't', ...world.platform }) }
}

describe('a certificate', () => {
	it('is asked for with a request that the mesh and openssl accept, for the key that is handed back', async () => {
		const { world, mesh } = await joined()
		// Numbers of a signature differ in length: often enough to meet those that begin with zeros.
		for (let i = 0; i < 50; i++) {
			const { privateKey } = await mesh.certificate()
			const { csr } = JSON.parse(world.asked.at(-1)!.body) as { csr: string }
			const key = await provenKey(csr, ORDERS_ID)
			if (!key.ok) throw new Error(key.error)
			const theirs = createPublicKey({ key: await crypto.subtle.exportKey('jwk', key.value), format: 'jwk' } as never)
			expect(createPublicKey(createPrivateKey(privateKey!)).equals(theirs)).toBe(true)
			if (i < 10) execFileSync(OPENSSL, ['req', '-verify', '-noout'], { input: csr, stdio: ['pipe', 'pipe', 'pipe'] })
		}
	})

	it('is asked for with numbers that are neither negative nor longer than they must be', async () => {
		const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
		const [r, s] = [
			[0, 0, 0x80, ...Array(29).fill(0x11)],
			[...Array(31).fill(0), 5],
		]
		const sign = vi.spyOn(crypto.subtle, 'sign').mockResolvedValue(new Uint8Array([...r, ...s]).buffer)
		const csr = await createCsr(keys).finally(() => sign.mockRestore())
		const der = Buffer.from(csr.split('\n').slice(1, -2).join(''), 'base64').toString('hex')
		expect(der.endsWith(`0327003024021f0080${'11'.repeat(29)}020105`)).toBe(true)
	})

	it('comes with its chain, and is asked for with a proof', async () => {
		const { world, mesh } = await joined()
		expect(await mesh.certificate({ csr: 'CSR', ttlSeconds: 600 })).toEqual({
			spiffeId: ORDERS_ID,
			chain: ['LEAF', 'INTERMEDIATE'],
			bundle: ['ROOT'],
			serialNumber: '0a',
			issuedAt: world.clock.now(),
			expiresAt: world.clock.now() + 3_600_000,
		})
		const asked = world.to(PATH)[0]!
		expect(JSON.parse(asked.body)).toEqual({ csr: 'CSR', ttlSeconds: 600 })
		expect(await judged(asked, world.clock.now())).toBe('ok')
		world.always(PATH, () => json({ ...issued, chain: ['INTERMEDIATE'] }))
		expect((await mesh.certificate({ csr: 'CSR' })).chain).toEqual(['LEAF', 'INTERMEDIATE'])
	})

	it.each([
		[400, { reason: 'invalid_csr', detail: 'asks for too much' }, { code: 'refused', reason: 'invalid_csr' }],
		[200, { certificate: 'LEAF' }, { code: 'unreachable' }],
	])('that is answered with %i %j is none', async (status, body, expected) => {
		const { world, mesh } = await joined()
		world.always(PATH, () => json(body, status))
		const error: unknown = await mesh.certificate().catch((thrown) => thrown)
		expect(isMeshError(error) && error).toMatchObject(expected)
	})
})
