/** What a mesh that `npm start` runs needs for workloads to prove who they are, and what can be asked of its keys. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import type { KeyRingInfo } from '../../src/ports.ts'
import type { Admin } from '../mesh/identities.ts'
import { ask, made, operate } from '../mesh/identities.ts'
import { workloadTrust } from '../mesh/workload.ts'
import { TOKEN } from './mesh.ts'

/** How long a key is published before it signs: the least there is. */
export const LEAD_MS = 5_000

const API = 'selvedge.dev/v1'

export const adminOf = (port: number): Admin => {
	const host = `admin.mesh.localhost:${port}`
	return { port, host, token: TOKEN, issuer: `http://${host}` }
}

/** One service that wants to know its callers, workloads that may join, and keys that may be rotated every five seconds. */
export const documents = (service: string, url: string, workloads: readonly string[]): object[] => [
	{ apiVersion: API, kind: 'Mesh', metadata: { name: 'default' }, spec: { keys: { publicationLead: `${LEAD_MS}ms` } } },
	{ apiVersion: API, kind: 'Service', metadata: { name: service }, spec: { endpoints: [{ url }] } },
	{
		apiVersion: API,
		kind: 'PeerAuthentication',
		metadata: { name: service },
		spec: { targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name: service }], mode: 'STRICT' },
	},
	...workloads.map((workload) => workloadTrust(workload, { workload, maxTtl: '24h', joinToken: {} })),
]

export const ringOf = (admin: Admin): Promise<KeyRingInfo> => made(operate(admin, 'GET', '/v1/keys'))

/** The key of each purpose that signs. */
export const activeKeys = ({ purposes }: KeyRingInfo): string[] => purposes.map(({ active }) => active)

/** Verifies as an outsider does who knows the issuer only. */
export async function verifier(admin: Admin): Promise<(token: string) => Promise<unknown>> {
	const jwks = createLocalJWKSet(await made<JSONWebKeySet>(ask(admin, 'GET', '/.well-known/jwks.json')))
	return (token) => jwtVerify(token, jwks)
}
