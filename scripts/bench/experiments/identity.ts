/** What it costs to know who calls: verified before, verified anew, and not at all. */
import { hashOf } from '../../../src/base64url.ts'
import { signJws } from '../../../src/identity/jws.ts'
import { bundleYardstick } from '../bundle.ts'
import { cpuMicrosBetween, readCpu } from '../cpu.ts'
import { type Document, service } from '../documents.ts'
import { ask } from '../http.ts'
import { MESH_DOMAIN, type Mesh, startMesh } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { alternate, type Slice } from '../rounds.ts'
import { median, pairedDifferences, pairedRatios, spread } from '../statistics.ts'
import { serve } from '../workerd.ts'
import type { Bench, Experiment } from './experiment.ts'

const NAME = 'backend'
const HOST = `${NAME}.${MESH_DOMAIN}`
const AUDIENCE = `http://${HOST}`
const JWT = 'urn:ietf:params:oauth:token-type:jwt'
/** More than an isolate remembers: when their turn comes again, they are as good as new. */
const NEW_PROOFS = 10_000
/** A WPT lasts for five minutes; the experiment must not take longer. */
const LIFETIME_SECONDS = 290
/** The budget. */
const MOST_MICROS = 5
const NOBODY = 'no credentials'
const KNOWN = 'WIT and WPT, verified before'

const policy = (kind: string, spec: object): Document => ({
	apiVersion: 'selvedge.dev/v1',
	kind,
	metadata: { name: NAME },
	spec,
})

const DOCUMENTS: readonly Document[] = [
	policy('WorkloadTrust', { workload: 'caller', joinToken: {} }),
	policy('PeerAuthentication', {
		targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name: NAME }],
		proofReuse: 'UntilExpiry',
	}),
]

export const identity: Experiment = async (bench) => {
	const mesh = await startMesh('identity', bench.directory, bench.bundles)
	await mesh.apply([service(NAME, bench.backends.a), ...DOCUMENTS])
	const caller = await join(mesh)
	await mesh.served(HOST, '/')
	const fields = await fieldsOf(caller)
	await learnt(mesh, fields[KNOWN]![0]!)
	const slices = await measure(bench, mesh, fields)
	await mesh.stop()
	return `${report(slices)}\n\n${await loop(bench)}`
}

type Fields = Readonly<Record<string, string>>

interface Caller {
	readonly wit: string
	readonly jwtSvid: string
	readonly key: CryptoKey
}

/** A WIT and a JWT-SVID of one workload, by join tokens, as anybody gets them. */
async function join(mesh: Mesh): Promise<Caller> {
	const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
	const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
	const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }
	const htu = `https://admin.${MESH_DOMAIN}/v1/identity/token`
	const claims = { htm: 'POST', htu, iat: seconds(), jti: crypto.randomUUID() }
	const wit = await exchange(mesh, {}, { dpop: await signJws(header, claims, pair.privateKey) })
	const jwtSvid = await exchange(mesh, { requested_token_type: JWT, audience: AUDIENCE })
	return { wit, jwtSvid, key: pair.privateKey }
}

async function exchange(mesh: Mesh, asked: Fields, headers: Fields = {}): Promise<string> {
	const body = JSON.stringify({ namespace: 'default', workload: 'caller' })
	const { token } = JSON.parse((await mesh.ask('/v1/identity/join-tokens', body, {})).body) as { token: string }
	const form = new URLSearchParams({
		grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
		subject_token: token,
		subject_token_type: 'urn:selvedge:token-type:join-token',
		...asked,
	})
	const contentType = { 'content-type': 'application/x-www-form-urlencoded' }
	const answer = await mesh.ask('/v1/identity/token', String(form), { ...contentType, ...headers })
	return (JSON.parse(answer.body) as { access_token: string }).access_token
}

const seconds = (): number => Math.floor(Date.now() / 1_000)

/** The fields of each variant's requests, which are sent in turn. */
async function fieldsOf({ wit, jwtSvid, key }: Caller): Promise<Readonly<Record<string, readonly Fields[]>>> {
	const wth = await hashOf(wit)
	const proven = async (): Promise<Fields> => {
		const claims = { aud: AUDIENCE, exp: seconds() + LIFETIME_SECONDS, jti: crypto.randomUUID(), wth }
		const wpt = await signJws({ alg: 'ES256', typ: 'wpt+jwt' }, claims, key)
		return { 'workload-identity-token': wit, 'workload-proof-token': wpt }
	}
	const known = await proven()
	const news: Fields[] = []
	while (news.length < NEW_PROOFS) news.push(await proven())
	const [one, other] = Object.values(known) as [string, string]
	return {
		[NOBODY]: [{}],
		'no credentials, fields as long as WIT and WPT': [
			{ 'x-workload-identity-tok': one, 'x-workload-proof-tok': other },
		],
		[KNOWN]: [known],
		'JWT-SVID, verified before': [{ authorization: `Bearer ${jwtSvid}` }],
		'WIT verified before, a new WPT each time': news,
	}
}

/** The keys travel beside the path: waits until the proxy believes the caller. Refused credentials would be measured as cheap. */
async function learnt({ proxyPort: port }: Mesh, headers: Fields): Promise<void> {
	const wrong = { ...headers, 'workload-proof-token': 'wrong' }
	for (let tries = 0; tries < 100; tries++) {
		const good = await ask({ port, host: HOST, path: '/', headers })
		const bad = await ask({ port, host: HOST, path: '/', headers: wrong })
		if (good.status === 200 && bad.status === 400) return
		await new Promise((resolve) => setTimeout(resolve, 100))
	}
	throw new Error('the proxy does not believe the caller')
}

function measure(
	{ generator, options }: Bench,
	{ pid, proxyPort: port }: Mesh,
	fields: Readonly<Record<string, readonly Fields[]>>,
): Promise<ReadonlyMap<string, readonly Slice[]>> {
	for (const [name, each] of Object.entries(fields))
		generator.add({ name, port, requests: each.map((headers) => ({ host: HOST, path: '/', headers })) })
	const variants = Object.keys(fields).map((name) => ({ name, pid }))
	return alternate(generator, variants, options)
}

const cpuOf = (slices: readonly Slice[]): number[] => slices.map(({ cpuMicros }) => cpuMicros)

function report(slices: ReadonlyMap<string, readonly Slice[]>): string {
	const nobody = cpuOf(slices.get(NOBODY)!)
	const rows = [...slices].map(([name, own]) => [
		name,
		ranged(spread(cpuOf(own)), 0),
		ranged(spread(pairedDifferences(cpuOf(own), nobody)), 1),
		ranged(spread(pairedRatios(cpuOf(own), nobody))),
	])
	return table(['credentials', 'CPU µs per request', 'added µs', '÷ none'], rows)
}

const LOOPED: Readonly<Record<string, string>> = {
	none: 'none',
	ballast: 'none, fields as long as WIT and WPT',
	proof: 'WIT and WPT, verified before',
	token: 'JWT-SVID, verified before',
}
const TIMES = 20_000
const LOOP_ROUNDS = 3

/** The same without a network, whose noise is larger than what is looked for. Throws when callers are not known who should be. */
async function loop({ directory, options }: Bench): Promise<string> {
	const { service: worker } = await bundleYardstick('knowing', directory)
	const server = await serve('knowing', directory, {
		services: [worker],
		sockets: [{ name: 'http', service: worker.name }],
	})
	const micros = new Map(Object.keys(LOOPED).map((name): [string, number[]] => [name, []]))
	for (let round = -1; round < options.rounds * LOOP_ROUNDS; round++)
		for (const [name, each] of micros) {
			const before = readCpu(server.pid)
			const { body } = await ask({ port: server.ports.http!, host: 'loop', path: `/${name}?times=${TIMES}` })
			const { known } = JSON.parse(body) as { known: number }
			const isKnown = name === 'proof' || name === 'token'
			if (round >= 0 && known !== (isKnown ? TIMES : 0)) throw new Error(`${name}: ${known} of ${TIMES} known`)
			if (round >= 0) each.push(cpuMicrosBetween(before, readCpu(server.pid)) / TIMES)
		}
	await server.stop()
	const none = micros.get('none')!
	const rows = [...micros].map(([name, own]) => {
		const added = spread(pairedDifferences(own, none))
		return [LOOPED[name]!, ranged(spread(own), 1), ranged(added, 1)]
	})
	const added = median(pairedDifferences(micros.get('proof')!, none))
	const verdict = added <= MOST_MICROS ? 'within' : 'beyond'
	return `${table(['the data path in a loop, in the runtime', 'CPU µs per request', 'added µs'], rows)}

A caller that was met before adds ${fixed(added, 1)} µs: ${verdict} the budget of ${MOST_MICROS} µs.`
}
