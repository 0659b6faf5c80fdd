/** Requests as an isolate would remember them, and layers of policies as the store would hand them out. */
import type { AccessRequest } from '../../../src/authorization/request.ts'
import type { AccessLayer, AccessLayers, SampleBatch } from '../../../src/ports.ts'
import { replay } from '../../../src/replay/replay.ts'
import type { AccessPolicies, AccessPolicy, AccessRule } from '../../../src/snapshot/authorization.ts'
import {
	digester,
	newSampleKey,
	type SampledFacts,
	sampledFields,
	sampleOf,
} from '../../../src/telemetry/accessSample.ts'

export const SERVICE = 'shop/cart'
const RULE = 'shop/web/0'

export const layers = (
	[mesh, namespace, service, rule]: readonly (AccessPolicies | undefined)[],
	more: Partial<AccessLayers> = {},
): AccessLayers => ({
	defaultAccess: 'open',
	mesh: layer(mesh),
	namespaces: new Map([['shop', layer(namespace)]]),
	services: new Map([[SERVICE, layer(service)]]),
	rules: new Map([[RULE, layer(rule)]]),
	...more,
})

const layer = (access: AccessPolicies | undefined): AccessLayer => (access === undefined ? {} : { access })

/** The network that a sample keeps of an address in the tests' own words. */
const NETWORKS: Readonly<Record<string, string>> = {
	'10.0.0.1': '10.0.0.0/24',
	'10.1.9.9': '10.1.9.0/24',
	'192.0.2.1': '192.0.2.0/24',
	'192.0.2.77': '192.0.2.0/24',
	'2001:db8::1': '2001:db8:0::/48',
	'2001:DB8:0:1::5': '2001:db8:0::/48',
	'::ffff:10.0.0.1': '10.0.0.0/24',
	'': '',
}

export interface Remembered extends AccessRequest {
	readonly fields?: readonly (readonly [name: string, value: string])[]
	readonly facts?: Partial<SampledFacts>
}

export async function remember(
	requests: readonly Remembered[],
	tokenFields: readonly string[] = [],
): Promise<SampleBatch> {
	const key = await newSampleKey()
	const digest = await digester(key)
	return { key, samples: await Promise.all(requests.map((request) => sampleOf(factsOf(request, tokenFields), digest))) }
}

function factsOf(request: Remembered, tokenFields: readonly string[]): SampledFacts {
	const { method, host, port, path, caller, user, now, clientAddress, header, fields, facts } = request
	const named = ['x-version', 'x-team'].flatMap((name): [string, string][] => {
		const value = header(name)
		return value === null ? [] : [[name, value]]
	})
	return {
		at: now,
		service: SERVICE,
		rule: RULE,
		...{ method, host, port, path },
		network: NETWORKS[clientAddress]!,
		...(caller === undefined ? {} : { caller }),
		...(user === undefined
			? {}
			: { user: { ...user, issuer: user.principal.slice(0, user.principal.lastIndexOf('/')) } }),
		...sampledFields(fields ?? named, tokenFields),
		allowed: true,
		...facts,
	}
}

export const DOMAIN = 'mesh.example'
export const ISSUER = 'https://idp'
export const OPEN = layers([])
export const CALLER = { spiffeId: 'spiffe://mesh.example/ns/shop/sa/web', namespace: 'shop', workload: 'web' }

export const user = (more: object = {}): NonNullable<Remembered['user']> => ({
	principal: `${ISSUER}/alice`,
	audiences: ['shop'],
	claims: { role: 'admin' },
	spaceDelimitedClaims: [],
	...more,
})

export const request = (more: Partial<Remembered> = {}): Remembered => ({
	method: 'GET',
	host: 'cart.test',
	port: 80,
	path: '/orders/42/lines/7',
	header: () => null,
	clientAddress: '192.0.2.77',
	now: Date.UTC(2026, 0, 1),
	caller: CALLER,
	...more,
})

export const policy = (action: 'ALLOW' | 'DENY', rules: readonly AccessRule[], more: object = {}): AccessPolicy => ({
	...{ name: `shop/${action.toLowerCase()}`, action, rules },
	...more,
})
export const ofService = (...policies: AccessPolicies): AccessLayers => layers([undefined, undefined, policies])

export const replayed = async (
	after: AccessLayers,
	one: Remembered = request(),
	before = OPEN,
	tokenFields: string[] = [],
) => replay([await remember([one], tokenFields)], before, after, DOMAIN)

/** What became of one request. */
export async function verdict(...args: Parameters<typeof replayed>): Promise<unknown> {
	const { unchanged, newlyRefused, newlyAdmitted, undecided } = await replayed(...args)
	if (unchanged === 1) return 'unchanged'
	if (newlyRefused[0] !== undefined) return ['refused', newlyRefused[0].by]
	return newlyAdmitted[0] === undefined ? undecided[0]!.condition : ['admitted', newlyAdmitted[0].by]
}

export const fields = (...named: [string, string][]) => ({ fields: named })
