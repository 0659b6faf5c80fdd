/** Random policies of who may call, and of whose users are believed: of every level, and on labels that come and go. */
import type { seeded } from '../../random.ts'
import { pick, refsOfServices, someRefs } from './randomPolicies.ts'

type Random = ReturnType<typeof seeded>

const LABELS = ['app', 'tier'] as const
const VALUES = ['x', 'y']

/** Each label with even odds. */
export function randomLabels(random: Random): Record<string, string> {
	const kept = LABELS.filter(() => random() < 0.5)
	return Object.fromEntries(kept.map((label) => [label, pick(random, VALUES)]))
}

function randomRule(random: Random) {
	const rules = [
		{},
		{ from: [{ source: { serviceAccounts: [pick(random, ['a', 'shop/b'])] } }] },
		{ from: [{ source: { remoteIpBlocks: ['192.0.2.0/24'], notPrincipals: ['*'] } }] },
		{ to: [{ operation: { paths: [pick(random, ['/a', '/b*'])], notMethods: ['GET'] } }] },
		{ when: [{ key: 'request.auth.claims[a]', values: [pick(random, ['x', 'y'])] }] },
	]
	return pick(random, rules)
}

/** By reference, by labels, or by nothing, which is the whole namespace. */
function attached(random: Random, makers: Parameters<typeof someRefs>[1]): object {
	const draw = random()
	if (draw < 0.1) return {}
	return draw < 0.5 ? { selector: { matchLabels: randomLabels(random) } } : { targetRefs: someRefs(random, makers) }
}

export function randomAuthorizationPolicy(random: Random, namespace: string, services: readonly string[]) {
	const route = () => ({
		kind: 'HTTPRoute',
		name: `r${Math.floor(random() * 4)}`,
		...(random() < 0.5 ? { sectionName: `n${Math.floor(random() * 2)}` } : {}),
	})
	const action = pick(random, ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM', 'CUSTOM'])
	const isTried = random() < 0.2 && (action === 'ALLOW' || action === 'DENY')
	return {
		apiVersion: 'selvedge.dev/v1',
		kind: 'AuthorizationPolicy',
		metadata: { name: pick(random, ['p', 'q', 's']), namespace },
		spec: {
			...attached(random, [route, route, ...refsOfServices(random, namespace, services)]),
			...{ action, rules: [randomRule(random), ...(random() < 0.3 ? [randomRule(random)] : [])] },
			...(action === 'CUSTOM' ? { provider: { name: pick(random, ['one', 'two', 'never']) } } : {}),
			...(isTried ? { mode: 'dryRun' } : {}),
		},
	}
}

export const randomRequestAuthentication = (random: Random, namespace: string, services: readonly string[]) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'RequestAuthentication',
	metadata: { name: pick(random, ['p', 'q']), namespace },
	spec: {
		...attached(random, refsOfServices(random, namespace, services)),
		jwtRules: [{ issuer: `https://${pick(random, ['a', 'b'])}.example.net`, fromParams: [pick(random, ['t', 'u'])] }],
	},
})

/** One or both of two, whose Services may be there or not. */
export function randomProviders(random: Random, services: readonly string[]) {
	const names = pick(random, [['one'], ['two'], ['one', 'two']])
	return names.map((name) => ({
		name,
		envoyExtAuthzHttp: { service: `shop/${pick(random, services)}`, timeout: pick(random, ['1s', '2s']) },
	}))
}
