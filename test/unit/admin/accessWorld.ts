/** Cloudflare Access and an admin API behind it, in memory: keys, logins signed with them, and requests that show these. */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { parseDocuments } from '../../../src/resources/documents.ts'
import { accessSettings } from '../../../workers/admin/access/settings.ts'
import { createApp } from '../../../workers/admin/app.ts'
import { createWorld, meshOf, type World } from './fakeMesh.ts'

export const TEAM = 'https://team.cloudflareaccess.com'
const AUDIENCE = 'a'.repeat(64)
const CERTS = `${TEAM}/cdn-cgi/access/certs`

type Keys = Awaited<ReturnType<typeof generateKeyPair>>
export const [first, second] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')])

interface Asked {
	readonly jwt?: string
	readonly method?: string
	readonly path?: string
	readonly headers?: Record<string, string>
	readonly address?: string
	readonly body?: string
}

export interface AccessWorld {
	readonly world: World
	/** How often Access was asked for its keys. */
	readonly asked: () => number
	/** What Access answers for its keys. */
	answerKeys(answer: () => Response): void
	publish(keys: Record<string, Keys>): Promise<void>
	/** An AdminAccess document. */
	grant(name: string, spec: object): void
	claims(more?: JWTPayload): JWTPayload
	sign(more?: JWTPayload, key?: Keys, kid?: string): Promise<string>
	ask(asked: Asked): Promise<Response>
	status(asked: Asked): Promise<number>
}

/** Ana may look; the first key signs, as `one`. */
export async function createAccessWorld(acceptsLogins = true): Promise<AccessWorld> {
	const world = await createWorld()
	world.nowMs = Date.UTC(2100, 0, 1)
	const access = acceptsLogins ? { access: accessSettings(TEAM, `other, ${AUDIENCE}`, false)! } : {}
	const app = createApp(meshOf(world, access))
	let asked = 0

	const claims = (more: JWTPayload = {}): JWTPayload => {
		const now = Math.floor(world.nowMs / 1000)
		const who = { email: 'ana@example.com', sub: 'u1', type: 'app' }
		return { iss: TEAM, aud: [AUDIENCE], ...who, iat: now, exp: now + 600, ...more }
	}
	const answerKeys = (answer: () => Response): void => {
		world.outside.set(CERTS, () => {
			asked++
			return answer()
		})
	}
	const ask = async ({ jwt, method = 'GET', path = '/v1/services', headers = {}, address, body }: Asked) => {
		const shown = jwt === undefined ? {} : { 'cf-access-jwt-assertion': jwt }
		const sent = { 'cf-connecting-ip': address ?? '192.0.2.1', ...shown, ...headers }
		const init = { method, headers: sent, ...(body === undefined ? {} : { body }) }
		return app.fetch(new Request(`http://admin.mesh.localhost${path}`, init))
	}
	const made: AccessWorld = {
		...{ world, claims, answerKeys, ask, asked: () => asked },
		async publish(keys) {
			const jwks = await Promise.all(
				Object.entries(keys).map(async ([kid, { publicKey }]) => ({
					...(await exportJWK(publicKey)),
					kid,
					alg: 'RS256',
				})),
			)
			answerKeys(() => Response.json({ keys: jwks, public_cert: {}, public_certs: [] }))
		},
		grant(name, spec) {
			const document = { apiVersion: 'selvedge.dev/v1', kind: 'AdminAccess', metadata: { name }, spec }
			const parsed = parseDocuments(JSON.stringify(document), 'json', {
				addresses: 'any',
				meshDomain: 'mesh.localhost',
			})
			if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
			const stored = { resource: parsed.value[0]!, generation: 1, createdAt: '', revision: 1 }
			world.resources.set(`AdminAccess/-/${name}`, stored)
		},
		sign: (more, { privateKey } = first, kid = 'one') =>
			new SignJWT(claims(more)).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey),
		status: async (what) => (await ask(what)).status,
	}
	await made.publish({ one: first })
	made.grant('people', { subjects: [{ email: 'ana@example.com' }], role: 'viewer' })
	return made
}
