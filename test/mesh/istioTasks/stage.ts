/** Where Istio's task pages are walked through: a mesh, the applications and workloads of the pages, and an issuer of tokens. */
import { type Backend, startBackend } from '../backend.ts'
import type { Answer } from '../client.ts'
import { adminOf, askForToken, dpopFor, type Identity, made, operate } from '../identities.ts'
import { DOMAIN, type Mesh, startMesh } from '../meshHarness.ts'
import { extension } from '../rules.ts'
import { startUserIssuer, type UserIssuer } from '../userIssuer.ts'
import { exchange, JOIN_TOKEN, newKey, proofOf, workloadTrust } from '../workload.ts'
import { deployed, type Row } from './page.ts'
import { bookinfo, extAuthz, httpbin } from './samples.ts'

/** Of the pages' tokens: `iss` and `sub`. */
export const TESTING = 'testing@secure.istio.io'
export const AUTHORIZER_NAMESPACE = 'foo-custom'

export interface Stage {
	readonly mesh: Mesh
	readonly httpbin: Backend
	readonly bookinfo: Backend
	readonly issuer: UserIssuer
	/** What the authorizer was asked: path and `x-ext-authz`. */
	readonly asked: string[]
	readonly identities: ReadonlyMap<string, Identity>
	stop(): Promise<void>
}

const WORKLOADS = ['default/bookinfo-productpage', 'default/bookinfo-reviews', 'default/sleep', 'sleep-allow/sleep']

/** For documents that have the issuer's keys in themselves. */
export const jwksOf = ({ keys }: UserIssuer): string =>
	JSON.stringify({ keys: Array.from(keys, ([kid, { jwk }]) => ({ ...jwk, kid })) })

/** Istio's MeshConfig, as far as the pages write it: providers are there all the time. */
export const meshConfig = (more: object = {}): object =>
	extension('Mesh', 'default', {
		extensionProviders: [
			{
				name: 'sample-ext-authz-http',
				envoyExtAuthzHttp: {
					...{ service: `ext-authz.${AUTHORIZER_NAMESPACE}.svc.cluster.local`, port: '8000' },
					includeRequestHeadersInCheck: ['x-ext-authz'],
					headersToUpstreamOnAllow: ['x-ext-authz-check-result'],
				},
			},
		],
		...more,
	})

export async function startStage(): Promise<Stage> {
	const asked: string[] = []
	const identities = new Map<string, Identity>()
	let stage: Stage | undefined
	const hop = (from: string, host: string) => send(stage!, { curl: 'GET /', from, host })
	const backends = await Promise.all([httpbin, extAuthz(asked), bookinfo(hop)].map(startBackend))
	const [bin, authorizer, books] = backends as [Backend, Backend, Backend]
	const issuer = await startUserIssuer('RS256')
	const mesh = await startMesh({ regions: ['weur'] })
	const stop = async () => {
		await mesh.stop()
		await Promise.all([...backends, issuer].map((each) => each.stop()))
	}
	stage = { mesh, httpbin: bin, bookinfo: books, issuer, asked, identities, stop }
	const workloads = WORKLOADS.map((one) => one.split('/') as [string, string])
	await mesh.apply(
		meshConfig(),
		deployed('ext-authz', AUTHORIZER_NAMESPACE, authorizer.url),
		...workloads.map(([namespace, workload]) => workloadTrust(workload, { workload, joinToken: {} }, namespace)),
	)
	for (const [namespace, workload] of workloads)
		identities.set(`${namespace}/${workload}`, await joined(mesh, namespace, workload))
	return stage
}

async function joined(mesh: Mesh, namespace: string, workload: string): Promise<Identity> {
	const [admin, key] = [adminOf(mesh), await newKey()]
	const asked = operate(admin, 'POST', '/v1/identity/join-tokens', { namespace, workload })
	const form = exchange((await made<{ token: string }>(asked)).token, JOIN_TOKEN)
	const answer = askForToken(admin, form, { dpop: await dpopFor(admin, key) })
	return { key, wit: (await made<{ access_token: string }>(answer)).access_token }
}

type Asked = Omit<Row, 'answer'> & { readonly host: string }

/** By the workload, and with the token, that the row names. */
export async function send(stage: Stage, asked: Asked): Promise<Answer> {
	const [method, path] = asked.curl.split(' ') as [string, string]
	const host = asked.host.includes('.') ? asked.host : `${asked.host}.${DOMAIN}`
	const identity = asked.from === undefined ? undefined : stage.identities.get(asked.from)!
	const proof = identity === undefined ? {} : await proofOf(identity.wit, identity.key, `http://${host}`)
	return stage.mesh.via(host, path, {
		method,
		headers: { ...asked.headers, ...proof, ...(await bearerOf(stage, asked)) },
	})
}

async function bearerOf(
	{ issuer }: Stage,
	{ bearer, expiresInSeconds = 3_600 }: Asked,
): Promise<Record<string, string>> {
	if (bearer === undefined) return {}
	const exp = Math.floor(Date.now() / 1_000) + expiresInSeconds
	const token = typeof bearer === 'string' ? bearer : await issuer.token({ iss: TESTING, sub: TESTING, exp, ...bearer })
	return { authorization: `Bearer ${token}` }
}
