/**
 * A service as anybody could write it, as a process of its own: it answers only whom the mesh vouches for, as a plain JOSE library
 * finds by the mesh's published key set, kept for as long as that may be kept. Arguments: the mesh's port, the service's name.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, customFetch, decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose'
import { send } from '../../scripts/local/http.ts'

const [meshPort = '', service = ''] = process.argv.slice(2)
const ADMIN_HOST = 'admin.mesh.localhost'
const issuer = `http://${ADMIN_HOST}:${meshPort}`
const audience = `http://${service}.mesh.localhost`
/** What the mesh says of its key set while `publicationLead` is as short as it can be. */
const MAX_AGE_MS = 1_000
/** Of a service that must not be the one to fail when the machine stands still for a while. */
const TIMEOUT_MS = 60_000

const jwks = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
	cacheMaxAge: MAX_AGE_MS,
	cooldownDuration: 0,
	timeoutDuration: TIMEOUT_MS,
	// Not every resolver knows `*.localhost`.
	[customFetch]: async (url) => {
		const path = new URL(url).pathname
		const { status, body } = await send({ port: Number(meshPort), host: ADMIN_HOST, path, timeoutMs: TIMEOUT_MS })
		return new Response(body, { status })
	},
})

/** The delegation by the mesh's keys, then the assertion by the key that it certifies. Answers who calls. */
async function callerOf(assertion: string): Promise<{ readonly caller: string; readonly kid: string }> {
	const { delegation } = decodeProtectedHeader(assertion) as { delegation: string }
	const certified = await jwtVerify(delegation, jwks, { typ: 'selvedge-delegation+jwt', issuer })
	const { jwk } = certified.payload.cnf as { jwk: JWK }
	const key = await importJWK(jwk, 'ES256')
	const { payload } = await jwtVerify(assertion, key, { typ: 'selvedge-caller+jwt', issuer, audience })
	return { caller: String(payload.sub), kid: String(certified.protectedHeader.kid) }
}

const answer: RequestListener = async ({ method, url, headers }, response) => {
	try {
		const { caller, kid } = await callerOf(String(headers['selvedge-caller']))
		response.setHeader('x-endpoint', service).setHeader('x-caller', caller).setHeader('x-delegated-by', kid)
		response.end(`${method} ${url} `)
	} catch (error) {
		response.writeHead(500).end(`${service} does not believe who calls: ${error}`)
	}
}

const server = createServer(answer)
// A connection that the server closes is one that a request may just have been sent on.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
// Whoever started it is gone.
process.once('disconnect', () => process.exit(0))
