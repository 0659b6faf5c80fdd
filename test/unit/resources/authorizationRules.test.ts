/** What is wrong with the rules of an AuthorizationPolicy, each told by the field. */
import { describe, expect, it } from 'vitest'
import { authorizationPolicy, problems, times } from './fixtures.ts'

/** Paths begin inside the rule. */
const told = (rule: unknown) =>
	problems(authorizationPolicy({ rules: [rule] })).map((problem) => problem.replace('spec.rules[0].', ''))
const from = (source: unknown) => told({ from: [{ source }] }).map((problem) => problem.replace('from[0].source.', ''))
const to = (operation: unknown) =>
	told({ to: [{ operation }] }).map((problem) => problem.replace('to[0].operation.', ''))
const when = (condition: object) => told({ when: [condition] }).map((problem) => problem.replace('when[0].', ''))

const star = "must be exact, 'abc*', '*abc' or '*': one '*', at an end"
const block = 'must be an IPv4 or IPv6 address or CIDR block without a zone, e.g. 192.0.2.0/24 or 2001:db8::/32'
const port = "must be a port from '1' to '65535'"
const account = "must be <namespace>/<workload>, or <workload> of the policy's own namespace, without '*'"
const LISTS = [
	...['principals', 'notPrincipals', 'requestPrincipals', 'notRequestPrincipals', 'namespaces', 'notNamespaces'],
	...['serviceAccounts', 'notServiceAccounts', 'trustDomains', 'notTrustDomains'],
	...['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'],
]
const OPERATIONS = ['hosts', 'notHosts', 'ports', 'notPorts', 'methods', 'notMethods', 'paths', 'notPaths']

describe('every list of a rule', () => {
	it.each(LISTS)('of sources has entries, as many as are said, and none is empty: %s', (field) => {
		const most = field.endsWith('erviceAccounts') ? 16 : 64
		const entry = field.endsWith('Blocks') ? '192.0.2.1' : 'a'
		expect(from({ [field]: [] })).toEqual([`${field}: must have at least 1 entry`])
		expect(from({ [field]: times(most, () => entry) })).toEqual([])
		expect(from({ [field]: times(most + 1, () => entry) })).toEqual([`${field}: must have at most ${most} entries`])
		expect(from({ [field]: [''] })).toEqual([`${field}[0]: must be at least 1 character long`])
		expect(from({ [field]: ['a'.repeat(2_049)] })[0]).toBe(`${field}[0]: must be at most 2,048 characters long`)
		expect(from({ [field]: [7] })).toEqual([`${field}[0]: must be a string, in quotes`])
	})

	it.each(OPERATIONS)('of operations has entries, as many as are said, and none is empty: %s', (field) => {
		const entry = { ports: '80', notPorts: '80', paths: '/a', notPaths: '/a' }[field] ?? 'A'
		expect(to({ [field]: [] })).toEqual([`${field}: must have at least 1 entry`])
		expect(to({ [field]: times(64, () => entry) })).toEqual([])
		expect(to({ [field]: times(65, () => entry) })).toEqual([`${field}: must have at most 64 entries`])
		expect(to({ [field]: [''] })).toEqual([`${field}[0]: must be at least 1 character long`])
		expect(to({ [field]: [80] })).toEqual([`${field}[0]: must be a string, in quotes`])
	})

	it.each(['from', 'to', 'when'])('itself has entries, or is left out: %s', (field) => {
		const entry = {
			from: { source: { namespaces: ['a'] } },
			to: { operation: { methods: ['GET'] } },
			when: { key: 'source.namespace', values: ['a'] },
		}[field]
		expect(told({ [field]: [] })).toEqual([`${field}: must have at least 1 entry`])
		expect(told({ [field]: times(64, () => entry) })).toEqual([])
		expect(told({ [field]: times(65, () => entry) })).toEqual([`${field}: must have at most 64 entries`])
	})
})

describe('the texts of a rule', () => {
	it.each(['a', 'abc*', '*abc', '*'])('may be exact, a beginning, an end, or whatever is there: %s', (text) => {
		for (const field of LISTS.slice(0, 6)) expect(from({ [field]: [text] })).toEqual([])
		expect(to({ hosts: [text], methods: [text.toUpperCase()] })).toEqual([])
	})

	it.each(['a*c', '*a*', '**', 'a**'])('may not have a star that would be a letter: %s', (text) => {
		for (const field of LISTS.slice(0, 6)) expect(from({ [field]: [text] })).toEqual([`${field}[0]: ${star}`])
		expect(to({ hosts: [text] })).toEqual([`hosts[0]: ${star}`])
		expect(when({ key: 'request.headers[a]', values: ['b'], notValues: [text] })).toEqual([`notValues[0]: ${star}`])
	})
})

it.each<[unknown, string[]]>([
	[{}, ['from[0].source: must have at least one field: leave from out for everybody']],
	[undefined, ['from[0].source: is required']],
	[
		{ principals: ['spiffe://a/ns/b/sa/c'] },
		["principals[0]: must be without 'spiffe://': <trust domain>/ns/<namespace>/sa/<workload>"],
	],
	[{ ipBlocks: ['192.0.2.0/33'] }, [`ipBlocks[0]: ${block}`]],
	[{ notIpBlocks: ['fe80::1%eth0'] }, [`notIpBlocks[0]: ${block}`]],
	[{ remoteIpBlocks: ['192.0.2.*'] }, [`remoteIpBlocks[0]: ${block}`]],
	[
		{ ipBlocks: ['::1'], remoteIpBlocks: ['::1'] },
		['remoteIpBlocks: must be left out beside ipBlocks: the edge knows one address of a client'],
	],
	[{ notIpBlocks: ['::1'], notRemoteIpBlocks: ['::1'] }, []],
	[{ serviceAccounts: ['shop/*'] }, [`serviceAccounts[0]: ${account}`]],
	[{ serviceAccounts: ['a/b/c'] }, [`serviceAccounts[0]: ${account}`]],
	[{ serviceAccounts: ['/a'] }, [`serviceAccounts[0]: ${account}`]],
	[{ serviceAccounts: ['a'.repeat(320)] }, [`serviceAccounts[0]: ${account}`]],
	[{ serviceAccounts: ['shop/cart', 'cart'], requestPrincipals: ['*'], trustDomains: ['a'] }, []],
	[{ serviceAccounts: ['a'], principals: ['b'] }, ['serviceAccounts: must be left out beside principals']],
	[
		{ notServiceAccounts: ['a'], notPrincipals: ['b'], namespaces: ['c'] },
		['notServiceAccounts: must be left out beside notPrincipals and namespaces'],
	],
	[{ labels: {}, namespaces: ['a'] }, [`labels: is not a field here; must be one of ${LISTS.join(', ')}`]],
])('judges source %j', (source, expected) => {
	expect(from(source)).toEqual(expected)
})

it.each<[unknown, string[]]>([
	[{}, ['to[0].operation: must have at least one field: leave to out for every operation']],
	[{ ports: ['0'] }, [`ports[0]: ${port}`]],
	[{ ports: ['65536', '65535', '080', '8*'] }, [`ports[0]: ${port}`, `ports[2]: ${port}`, `ports[3]: ${port}`]],
	[{ methods: ['get'] }, ['methods[0]: must be in upper case: methods are compared letter by letter']],
	[{ paths: ['/a*', '*.html', '*', '/a/{*}/b/{**}', '/a/'] }, []],
	[{ paths: ['a'] }, ["paths[0]: must begin with '/' or '*'"]],
	[{ paths: ['/a*b'] }, ["paths[0]: must have '*' at its beginning or at its end only; '{*}' stands for a segment"]],
	[{ notPaths: ['/{**}/{*}'] }, ["notPaths[0]: must have '{**}' as its last operator"]],
	[{ sni: ['a'], hosts: ['a'] }, [`sni: is not a field here; must be one of ${OPERATIONS.join(', ')}`]],
])('judges operation %j', (operation, expected) => {
	expect(to(operation)).toEqual(expected)
})

const KNOWN =
	'request.headers[<name>], request.auth.principal, request.auth.audiences, request.auth.presenter, request.auth.claims[<name>], request.time, source.ip, remote.ip, source.namespace, source.principal, source.serviceAccount, source.trustDomain, destination.port'
const window =
	"must be days, times and offset, e.g. 'Mon-Fri 08:00-18:00 +01:00', '22:00-06:00' or 'Mon,Wed 00:00-24:00'"
it.each<[object, string[]]>([
	[{ values: ['a'] }, ['key: is required']],
	[{ key: 'source.namespace' }, ['when[0]: must have at least one of values and notValues']],
	[{ key: 'source.namespace', values: [] }, ['values: must have at least 1 entry']],
	[{ key: 'source.namespace', values: [''] }, ['values[0]: must be at least 1 character long']],
	[{ key: 'source.namespace', values: times(65, () => 'a') }, ['values: must have at most 64 entries']],
	[{ key: 'request.method', values: ['GET'] }, [`key: must be one of ${KNOWN}`]],
	[{ key: 'request.headers', values: ['a'] }, [`key: must be one of ${KNOWN}`]],
	[{ key: 'request.auth.claims[]', values: ['a'] }, [`key: must be one of ${KNOWN}`]],
	[
		{ key: 'destination.ip', values: ['192.0.2.1'] },
		[
			'key: must not be destination.ip: a Service of the mesh has no address of its own; attach the policy to the Service',
		],
	],
	[
		{ key: 'connection.sni', values: ['a'] },
		['key: must not be connection.sni: the platform ends TLS and does not tell which name was asked for; use hosts'],
	],
	[
		{ key: 'experimental.envoy.filters.network.mysql_proxy[db]', values: ['a'] },
		[
			"key: must not be experimental.envoy.filters.network.mysql_proxy[db]: it is about filters of Envoy's, and there are none here",
		],
	],
	[{ key: 'source.ip', values: ['a'] }, [`values[0]: ${block}`]],
	[{ key: 'remote.ip', notValues: ['::1', 'a'] }, [`notValues[1]: ${block}`]],
	[{ key: 'destination.port', values: ['http'] }, [`values[0]: ${port}`]],
	[{ key: 'source.serviceAccount', values: ['a', 'b/c', 'b/*'] }, [`values[2]: ${account}`]],
	[{ key: 'request.time', values: ['Mon-Fri 08:00-18:00 +01:00', 'working hours'] }, [`values[1]: ${window}`]],
	[
		{ key: 'source.principal', values: ['spiffe://a/b'] },
		["values[0]: must be without 'spiffe://': <trust domain>/ns/<namespace>/sa/<workload>"],
	],
	[{ key: 'request.auth.claims[a][b]', values: ['*'], notValues: ['c*'] }, []],
	[
		{ key: 'a', operator: 'In', values: ['b'] },
		['operator: is not a field here; must be one of key, values, notValues', `key: must be one of ${KNOWN}`],
	],
])('judges condition %j', (condition, expected) => {
	expect(when(condition).sort()).toEqual(expected.toSorted())
})
