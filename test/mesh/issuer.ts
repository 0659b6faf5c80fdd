/** An OpenID Connect issuer of its own: a real HTTP server with discovery, a key set that rotates, and tokens of any kind. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type JWTPayload, SignJWT } from 'jose'
import { type Key, newId, newKey } from './workload.ts'

export interface Issuer {
	readonly url: string
	/** Requests for discovery documents and key sets. */
	readonly asked: string[]
	/** What is answered instead of what is right, by path; `undefined`: what is right. */
	readonly answers: Map<string, (response: ServerResponse) => void>
	rotate(): Promise<void>
	sign(claims: JWTPayload, header?: object): Promise<string>
	stop(): Promise<void>
}

export async function startIssuer(alg = 'RS256'): Promise<Issuer> {
	const asked: string[] = []
	const answers: Issuer['answers'] = new Map()
	let kid = newId()
	let key: Key = await newKey(alg)
	const server = createServer((request, response) => {
		const path = request.url!
		asked.push(path)
		const json = (value: object) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
		const answer = answers.get(path)
		if (answer !== undefined) answer(response)
		else if (path === '/.well-known/openid-configuration') json({ issuer: url, jwks_uri: `${url}/keys` })
		else if (path === '/keys') json({ keys: [{ ...key.jwk, kid, use: 'sig' }] })
		else response.writeHead(404).end()
	})
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
	return {
		url,
		asked,
		answers,
		async rotate() {
			kid = newId()
			key = await newKey(alg)
		},
		sign(claims, header = {}) {
			const now = Math.floor(Date.now() / 1000)
			return new SignJWT({ iss: url, iat: now, nbf: now, exp: now + 600, jti: newId(), ...claims })
				.setProtectedHeader({ alg, kid, typ: 'JWT', ...header })
				.sign(key.privateKey)
		},
		stop: () => new Promise((resolve) => server.close(() => resolve())),
	}
}
