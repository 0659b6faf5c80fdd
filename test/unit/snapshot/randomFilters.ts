/** Random filters of rules and backendRefs, and the resources that their ExtensionRefs may find. */
import type { seeded } from '../../random.ts'

type Random = ReturnType<typeof seeded>
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

/** One name, so that most references find something some of the time. */
const EXTENSION_NAME = 'e'
const EXTENSION_KINDS = ['FaultInjection', 'DirectResponse', 'TrafficMatch', 'RetryPolicy']
const OF_BACKENDS = ['FaultInjection', 'DirectResponse']

/** What the rule around the filters allows. */
interface Around {
	readonly namespaces: readonly string[]
	readonly services: readonly string[]
	readonly isRule: boolean
	/** The rule has one match, a PathPrefix. */
	readonly hasPrefix: boolean
	/** Nothing else stands in the way of a redirect. */
	readonly mayRedirect: boolean
}

/** A list that validation lets through: no type twice but mirrors and extensions, no redirect beside a rewrite. */
export function randomFilters(random: Random, around: Around): object[] {
	const makers = [
		() => ({ type: 'RequestHeaderModifier', requestHeaderModifier: edits(random) }),
		() => ({ type: 'ResponseHeaderModifier', responseHeaderModifier: edits(random) }),
		() => mirror(random, around),
		() => mirror(random, around),
		() => extensionRef(random, around.isRule),
		() => extensionRef(random, around.isRule),
		() =>
			around.mayRedirect && random() < 0.5
				? { type: 'RequestRedirect', requestRedirect: { scheme: 'https', path: path(random, around) } }
				: {
						type: 'URLRewrite',
						urlRewrite: { hostname: pick(random, ['a.test', 'b.test']), path: path(random, around) },
					},
		...(around.isRule
			? [() => ({ type: 'CORS', cors: { allowOrigins: [pick(random, ['*', 'https://a.test'])] } })]
			: []),
	]
	return makers.filter(() => random() < 0.35).map((make) => make())
}

const edits = (random: Random) => ({
	set: [{ name: pick(random, ['X-A', 'x-b']), value: pick(random, ['1', '2']) }],
	remove: random() < 0.5 ? ['X-C'] : [],
})

const path = (random: Random, { hasPrefix }: Around) =>
	hasPrefix && random() < 0.5
		? { type: 'ReplacePrefixMatch', replacePrefixMatch: pick(random, ['', '/', '/new']) }
		: { type: 'ReplaceFullPath', replaceFullPath: pick(random, ['/', '/full']) }

const mirror = (random: Random, { namespaces, services }: Around) => ({
	type: 'RequestMirror',
	requestMirror: {
		backendRef: {
			...(random() < 0.1 ? { kind: 'Bucket', group: 'storage.example.com' } : {}),
			name: pick(random, services),
			...(random() < 0.4 ? { namespace: pick(random, namespaces) } : {}),
		},
		...(random() < 0.5 ? { percent: pick(random, [0, 10, 100]) } : {}),
	},
})

const extensionRef = (random: Random, isRule: boolean) => ({
	type: 'ExtensionRef',
	extensionRef: {
		group: random() < 0.1 ? 'example.com' : 'selvedge.dev',
		kind: pick(random, isRule ? EXTENSION_KINDS : OF_BACKENDS),
		name: EXTENSION_NAME,
	},
})

export function randomExtension(random: Random, namespace: string): object {
	const kind = pick(random, EXTENSION_KINDS)
	const metadata = { name: EXTENSION_NAME, namespace }
	const percent = pick(random, [1, 50, 100])
	const specs: Readonly<Record<string, object>> = {
		FaultInjection: { abort: { httpStatus: pick(random, [500, 503]), percent } },
		DirectResponse: { statusCode: pick(random, [200, 410]), body: pick(random, ['a', 'b']) },
		TrafficMatch: { percent, sources: [{ workload: pick(random, ['web', 'cron']) }] },
		RetryPolicy: { methods: pick(random, [[], ['POST'], ['PATCH']]), maxBodyBytes: percent },
	}
	return { apiVersion: 'selvedge.dev/v1', kind, metadata, spec: specs[kind] }
}

/** Timeouts, retries and sessions. */
export function randomConduct(random: Random): object {
	return {
		...(random() < 0.2 ? { timeouts: { request: pick(random, ['0s', '1s']), backendRequest: '500ms' } } : {}),
		...(random() < 0.3 ? { retry: { codes: [503], attempts: pick(random, [0, 2]) } } : {}),
		...(random() < 0.2 ? { sessionPersistence: { idleTimeout: pick(random, ['1h', '2h']) } } : {}),
	}
}
