/** An issuer of end users' tokens: a real HTTP server whose key set, answers and speed are in the test's hands. */
import type { RequestListener } from 'node:http'
import { type JWTPayload, SignJWT } from 'jose'
import { type Backend, startBackend } from './backend.ts'
import { type Key, newKey } from './workload.ts'

export interface UserIssuer {
	readonly url: string
	/** Paths, as they were asked for. */
	readonly asked: string[]
	/** Published, by kid. */
	readonly keys: Map<string, Key>
	/** What answers in place of the key set. */
	answer: RequestListener | undefined
	/** Makes a key that is published. */
	add(kid: string, alg?: string): Promise<Key>
	/** A token by that key, whether it is published or not. Null: it names none. */
	token(claims?: JWTPayload, kid?: string | null, key?: Key): Promise<string>
	stop(): Promise<void>
}

/** With a published key `first`. */
export async function startUserIssuer(alg = 'ES256'): Promise<UserIssuer> {
	const made = new Map<string, Key>()
	const backend: Backend = await startBackend((request, response) => {
		issuer.asked.push(request.url!)
		const json = (value: object) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
		if (request.url === '/.well-known/openid-configuration')
			json({ issuer: issuer.url, jwks_uri: `${issuer.url}/keys` })
		else if (request.url !== '/keys') response.writeHead(404).end()
		else if (issuer.answer !== undefined) issuer.answer(request, response)
		else json({ keys: Array.from(issuer.keys, ([kid, { jwk }]) => ({ ...jwk, kid, use: 'sig' })) })
	})
	const issuer: UserIssuer = {
		url: backend.url,
		asked: [],
		keys: new Map(),
		answer: undefined,
		async add(kid, named = alg) {
			const key = await newKey(named)
			made.set(kid, key)
			issuer.keys.set(kid, key)
			return key
		},
		token(claims = {}, kid = 'first', key = made.get(kid ?? '') ?? made.get('first')!) {
			const now = Math.floor(Date.now() / 1_000)
			return new SignJWT({ iss: issuer.url, sub: 'alice', iat: now, exp: now + 3_600, ...claims })
				.setProtectedHeader({ alg: key.jwk.alg!, ...(kid === null ? {} : { kid }), typ: 'JWT' })
				.sign(key.privateKey)
		},
		stop: () => backend.stop(),
	}
	await issuer.add('first')
	return issuer
}

/** Of a Service of the namespace `default`, unless other targets are said. */
export const requestAuthentication = (
	name: string,
	jwtRules: readonly object[],
	target: object = { targetRefs: [{ kind: 'Service', name }] },
	namespace = 'default',
) => ({
	apiVersion: 'security.istio.io/v1',
	kind: 'RequestAuthentication',
	metadata: { name, namespace },
	spec: { ...target, jwtRules },
})
