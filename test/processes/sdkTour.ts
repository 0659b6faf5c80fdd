/** What a workload does with the SDK, on any runtime that has fetch: the same steps, told in JSON. */
import type { Caller } from '../../src/client/index.ts'

type Sdk = typeof import('../../src/client/index.ts')

export interface Tour {
	/** The admin API's URL. */
	readonly mesh: string
	/** Of the namespace `default`, and STRICT. */
	readonly service: string
	readonly joinToken: string
	/** An endpoint for it, which answers with the caller assertion that it was sent. */
	readonly endpoint: string
	/** What reaches the mesh, with the URL that is meant behind it: `relay.ts`. */
	readonly relay: string
}

/** The clock of the runtime is ten minutes slow; later it is set, to be four and a half minutes ahead of what was learned by then. */
const SLOW_MS = -600_000
const SET_MS = 270_000
const PATIENCE_TRIES = 200

export async function tour({ join }: Sdk, { mesh: url, service, joinToken, endpoint, relay }: Tour) {
	const problems: string[] = []
	const identities = new Set<string>()
	let tries = 0
	let skewMs = SLOW_MS
	const through = (input: string | URL | Request, init: RequestInit = {}) => {
		const wit = new Headers(init.headers).get('workload-identity-token')
		if (wit !== null) identities.add(wit)
		tries += 1
		return fetch(relay + encodeURIComponent(String(input)), init)
	}
	const mesh = await join({
		mesh: url,
		service,
		token: joinToken,
		fetch: through,
		now: () => Date.now() + skewMs,
		onError: ({ message }) => void problems.push(message),
	})
	const joinedAtTry = tries
	await mesh.register({ url: endpoint, id: 'only', ttlSeconds: 60 })
	const own = url.replace('//admin.', `//${service}.`)
	const call = async () => {
		const response = await mesh.fetch(own, { timeoutMs: 60_000 })
		const assertion = await response.text()
		const caller = await mesh.verifyCaller({ headers: { 'selvedge-caller': assertion } })
		return { status: response.status, assertion, caller: callerOf(caller) }
	}
	const { assertion, ...first } = await patiently(call, ({ status }) => status === 200)
	const forged = await mesh.verifyCaller({ headers: { 'selvedge-caller': `${assertion.slice(0, -10)}AAAAAAAAAA` } })
	const bare = await through(own)
	const kept = await mesh.keepCertificate()
	const { privateKey = '', chain } = await kept.current()
	const before = identities.size
	skewMs += SET_MS
	const { assertion: _, ...renewed } = await patiently(call, () => identities.size > before)
	const told = {
		spiffeId: mesh.spiffeId,
		joinedAtTry,
		first,
		forged: callerOf(forged),
		bare: { status: bare.status, reason: ((await bare.json()) as { reason: string }).reason },
		certificate: { hasKey: privateKey.includes('PRIVATE KEY'), chain: chain.length },
		identities: [before, identities.size],
		renewed,
		token: (await mesh.token('https://example.com')).split('.').length,
	}
	await mesh.close({ drainMs: 0 })
	return { ...told, problems }
}

const callerOf = (result: Awaited<ReturnType<Awaited<ReturnType<Sdk['join']>>['verifyCaller']>>) =>
	result.ok ? (result.value as Caller | undefined)?.spiffeId : result.error.reason

/** Proxies ask once a second what is new, and a renewal goes on beside the calls. */
async function patiently<T>(attempt: () => Promise<T>, isEnough: (outcome: T) => boolean): Promise<T> {
	for (let tries = 1; ; tries++) {
		const outcome = await attempt()
		if (isEnough(outcome) || tries === PATIENCE_TRIES) return outcome
		await new Promise((resolve) => setTimeout(resolve, 100))
	}
}
