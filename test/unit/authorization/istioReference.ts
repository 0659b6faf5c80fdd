/** What Istio's reference of AuthorizationPolicy says, example by example. */
import { parseKey } from '../../../src/authorization/accessKey.ts'
import type { AccessCondition, AccessPolicies, AccessRule } from '../../../src/snapshot/authorization.ts'
import { type ask, caller, policy, user } from './asked.ts'

type Asked = Parameters<typeof ask>[1]

/** An example: who may, and who may not. */
export interface Row {
	readonly says: string
	readonly policies: AccessPolicies
	readonly admits?: readonly Asked[]
	readonly refuses?: readonly Asked[]
}

/** A rule of one condition, by Istio's name of its key. */
export const when = (key: string, lists: Omit<AccessCondition, 'key'>): AccessRule => ({
	when: [{ key: parseKey(key)!, ...lists }],
})

export const curl = caller('default', 'curl')
export const google = user('https://accounts.google.com', 'alice')

export const REFERENCE: readonly Row[] = [
	{
		says: 'a source and an operation of the lists, and the claim, must all be there',
		policies: [
			policy('ALLOW', [
				{
					from: [{ principals: ['cluster.local/ns/default/sa/curl'] }, { namespaces: ['test'] }],
					to: [
						{ methods: ['GET'], paths: ['/info*'] },
						{ methods: ['POST'], paths: ['/data'] },
					],
					...when('request.auth.claims[iss]', { values: ['https://accounts.google.com'] }),
				},
			]),
		],
		admits: [
			{ caller: curl, user: google, path: '/info' },
			{ caller: curl, user: google, path: '/information' },
			{ caller: curl, user: google, path: '/info/a' },
			{ caller: caller('test', 'any'), user: google, path: '/data', method: 'POST' },
		],
		refuses: [
			{},
			{ caller: curl, path: '/info' },
			{ user: google, path: '/info' },
			{ caller: curl, user: user('https://other.example', 'alice'), path: '/info' },
			{ caller: caller('default', 'other'), user: google, path: '/info' },
			{ caller: curl, user: google, path: '/info', method: 'POST' },
			{ caller: curl, user: google, path: '/data/a', method: 'POST' },
			{ caller: curl, user: google, path: '/data' },
		],
	},
	{
		says: 'POST from namespace dev is denied',
		policies: [policy('DENY', [{ from: [{ namespaces: ['dev'] }], to: [{ methods: ['POST'] }] }])],
		admits: [{}, { caller: caller('dev', 'a') }, { caller: caller('prod', 'a'), method: 'POST' }, { method: 'POST' }],
		refuses: [{ caller: caller('dev', 'a'), method: 'POST' }],
	},
	{
		says: 'POST on port 8080 is denied',
		policies: [policy('DENY', [{ to: [{ methods: ['POST'], ports: ['8080'] }] }])],
		admits: [{ port: 8080 }, { method: 'POST' }],
		refuses: [{ method: 'POST', port: 8080 }],
	},
	{
		says: 'allow-nothing: `spec: {}` lets nobody in',
		policies: [policy('ALLOW', [])],
		refuses: [{}, { caller: curl }],
	},
	{
		says: 'allow-all: `rules: [{}]` lets everybody in',
		policies: [policy('ALLOW', [{}])],
		admits: [{}, { caller: curl }],
	},
	{ says: 'a DENY policy without rules denies nobody', policies: [policy('DENY', [])], admits: [{}] },
	{
		says: 'fields of a source are ANDed: admin or dev, of prod or test, not from 203.0.113.4',
		policies: [
			policy('ALLOW', [
				{
					from: [
						{
							principals: ['*/sa/admin', '*/sa/dev'],
							namespaces: ['prod', 'test'],
							notIpBlocks: ['203.0.113.4'],
						},
					],
				},
			]),
		],
		admits: [{ caller: caller('prod', 'admin') }, { caller: caller('test', 'dev'), clientAddress: '203.0.113.5' }],
		refuses: [
			{},
			{ caller: caller('prod', 'other') },
			{ caller: caller('qa', 'admin') },
			{ caller: caller('prod', 'admin'), clientAddress: '203.0.113.4' },
		],
	},
	{
		says: 'fields of an operation are ANDed: below example.com, GET or HEAD, not below /admin',
		policies: [
			policy('ALLOW', [{ to: [{ hosts: ['*.example.com'], methods: ['GET', 'HEAD'], notPaths: ['/admin*'] }] }]),
		],
		admits: [{ host: 'a.example.com' }, { host: 'a.b.example.com', method: 'HEAD', path: '/a' }],
		refuses: [
			{ host: 'example.com' },
			{ host: 'a.example.com', method: 'POST' },
			{ host: 'a.example.com', path: '/admin' },
			{ host: 'a.example.com', path: '/admin/x' },
		],
	},
	{
		says: 'requestPrincipals are `<ISS>/<SUB>`',
		policies: [policy('ALLOW', [{ from: [{ requestPrincipals: ['example.com/sub-1'] }] }])],
		admits: [{ user: user('example.com', 'sub-1') }],
		refuses: [{}, { user: user('example.com', 'sub-2') }, { caller: curl }],
	},
	{
		says: 'notRequestPrincipals, notNamespaces and notPrincipals pass who has none',
		policies: [
			policy('ALLOW', [
				{
					from: [
						{
							notRequestPrincipals: ['example.com/*'],
							notNamespaces: ['dev'],
							notPrincipals: ['cluster.local/ns/default/sa/curl'],
						},
					],
				},
			]),
		],
		admits: [{}, { caller: caller('prod', 'a'), user: google }],
		refuses: [{ user: user('example.com', 'sub-1') }, { caller: caller('dev', 'a') }, { caller: curl }],
	},
	{
		says: 'serviceAccounts are `<namespace>/<name>`',
		policies: [policy('ALLOW', [{ from: [{ serviceAccounts: ['default/curl'] }] }])],
		admits: [{ caller: curl }],
		refuses: [{}, { caller: caller('default', 'curls') }, { caller: caller('test', 'curl') }],
	},
	{
		says: 'notServiceAccounts are those who may not',
		policies: [policy('ALLOW', [{ from: [{ notServiceAccounts: ['default/curl'] }] }])],
		admits: [{}, { caller: caller('test', 'curl') }],
		refuses: [{ caller: curl }],
	},
	{
		says: 'hosts ignore case',
		policies: [policy('ALLOW', [{ to: [{ hosts: ['Shop.EXAMPLE', '*.Test'] }] }])],
		admits: [{}, { host: 'a.test' }],
		refuses: [{ host: 'test' }, { host: 'shop.example.org' }],
	},
	{
		says: 'notHosts, notPorts and notMethods are those that may not',
		policies: [policy('ALLOW', [{ to: [{ notHosts: ['a.example'], notPorts: ['80'], notMethods: ['DELETE'] }] }])],
		admits: [{}],
		refuses: [{ host: 'a.example' }, { port: 80 }, { method: 'DELETE' }],
	},
	{
		says: 'path templates: `{*}` is one segment',
		policies: [policy('ALLOW', [{ to: [{ paths: ['/foo/{*}'] }] }])],
		admits: [{ path: '/foo/bar' }],
		refuses: [{ path: '/foo/bar/baz' }, { path: '/foo/' }],
	},
	{
		says: 'path templates: `{**}` is any number of them',
		policies: [policy('ALLOW', [{ to: [{ paths: ['/foo/{*}/bar/{**}'] }] }])],
		admits: [{ path: '/foo/buzz/bar/' }, { path: '/foo/buzz/bar/baz' }, { path: '/foo/buzz/bar/baz/a' }],
		refuses: [{ path: '/foo/buzz/bar' }, { path: '/foo/bar/baz' }],
	},
]
