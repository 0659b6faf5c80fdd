/** Whose end users a RequestAuthentication may believe, and what is wrong with one. */
import { describe, expect, it } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'
import { ecJwk, parsed, problems, requestAuthentication, times } from './fixtures.ts'

const ISSUER = 'https://issuer.example.net'
const ruleOf = (rule: object) => requestAuthentication({ jwtRules: [{ issuer: ISSUER, ...rule }] })
/** Paths begin inside the rule. */
const told = (rule: object) => problems(ruleOf(rule)).map((problem) => problem.replace(/^spec\.jwtRules\[0\]\.?/, ''))
const parsedRule = (rule: object) => (parsed(ruleOf(rule)).spec as { jwtRules: object[] }).jwtRules[0]!

const rsa = (bits: number) => ({
	kty: 'RSA',
	n: Buffer.from(Uint8Array.from({ length: bits / 8 }, () => 0xff)).toString('base64url'),
	e: 'AQAB',
})
const ed = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }

describe('a RequestAuthentication', () => {
	it('is for its whole namespace unless it says otherwise, and fills in what is usual', () => {
		const document = { ...ruleOf({}), apiVersion: 'security.istio.io/v1', metadata: { name: 'u', namespace: 'shop' } }
		expect(parsed(document)).toEqual({
			apiVersion: 'selvedge.dev/v1',
			kind: 'RequestAuthentication',
			metadata: { name: 'u', namespace: 'shop', labels: {}, annotations: {} },
			spec: {
				targetRefs: [{ group: '', kind: 'Namespace', name: 'shop' }],
				jwtRules: [{ issuer: ISSUER, forwardOriginalToken: false, clockSkew: '60s' }],
			},
		})
	})

	it('can be sent back as answered, its keys with the algorithm that each is for', () => {
		const keys = [{ ...ecJwk, kid: 'a', x5c: ['x'] }, { ...rsa(2_048), kid: 'b', nbf: 1 }, ed]
		for (const jwks of [{ keys, issuer: 'x' }, JSON.stringify({ keys })]) {
			const answered = parsed(ruleOf({ jwks }))
			expect(parsed(answered)).toEqual(answered)
			expect(parsedRule({ jwks })).toMatchObject({
				jwks: {
					keys: [
						{ ...ecJwk, kid: 'a', alg: 'ES256' },
						{ ...rsa(2_048), alg: 'RS256' },
						{ ...ed, alg: 'EdDSA' },
					],
				},
			})
		}
		expect(parsedRule({ jwks: { keys: [{ ...rsa(2_048), alg: 'PS384' }] } })).toMatchObject({
			jwks: { keys: [{ alg: 'PS384' }] },
		})
	})

	it('believes an issuer that is no URL where its keys are not to be discovered', () => {
		for (const keys of [{ jwksUri: 'https://keys.example.net/jwks.json' }, { jwks: { keys: [ed] } }])
			expect(told({ issuer: 'testing@secure.istio.io', ...keys })).toEqual([])
	})

	it('fetches no keys from where the mesh must not go', () => {
		const names = { addresses: 'names', meshDomain: 'mesh.example.com' } as const
		const judged = (rule: object) => {
			const result = parseDocuments(JSON.stringify(ruleOf(rule)), 'json', names)
			return result.ok ? [] : result.error.map(({ path }) => path)
		}
		const away = [
			'https://169.254.169.254/keys',
			'https://127.0.0.1/keys',
			'https://[::1]/',
			'https://a.mesh.example.com/',
		]
		for (const url of [...away, 'http://issuer.example.net/', 'https://a:b@issuer.example.net/', 'file:///etc/keys']) {
			expect(judged({ jwksUri: url })).toEqual(['spec.jwtRules[0].jwksUri'])
			expect(judged({ issuer: url })).toEqual(['spec.jwtRules[0].issuer'])
		}
		expect(judged({ jwksUri: 'https://issuer.example.net/keys?v=1' })).toEqual([])
	})
})

const set = 'must be a JSON Web Key Set (RFC 7517 §5): {"keys": [...]}, as JSON text or as it is'
const discovered = 'without jwksUri and jwks the keys are discovered there'
const path = "must be the name of a claim, nested as 'a.b', or as '[a][b]' where a name has dots"
const written = (name: string) => `must not be '${name}': the mesh or the platform writes it`
const privately =
	'must be left out: it belongs to the private key, which must stay with the workload; make a new key, now that this one was sent'
const output = (...headers: string[]) => ({ outputClaimToHeaders: headers.map((header) => ({ header, claim: 'a' })) })
const keys = (...jwks: unknown[]) => ({ jwks: { keys: jwks } })
it.each<[object, string[]]>([
	[{ issuer: undefined }, ['issuer: is required']],
	[{ issuer: '' }, expect.arrayContaining(['issuer: must be at least 1 character long'])],
	[{ issuer: 'testing@secure.istio.io' }, [`issuer: must be an absolute http:// or https:// URL; ${discovered}`]],
	[{ issuer: 'https://a.example?b=c' }, [`issuer: must not have a query; ${discovered}`]],
	[{ jwksUri: 'https://a.example/#b' }, ['jwksUri: must not have a fragment']],
	[{ jwksUri: 'https://a.example', jwks: { keys: [ed] } }, ['jwks: must be left out beside jwksUri']],
	[{ jwks: 'not json' }, [`jwks: ${set}`]],
	[{ jwks: '[]' }, [`jwks: ${set}`]],
	[{ jwks: 7 }, [`jwks: ${set}`]],
	[{ jwks: ed }, [`jwks: ${set}`]],
	[keys(), ['jwks.keys: must have at least 1 entry']],
	[{ jwks: '{"keys":[]}' }, ['jwks.keys: must have at least 1 entry']],
	[keys(...times(33, () => ed)), ['jwks.keys: must have at most 32 entries']],
	[keys({ ...ed, kid: 'a' }, { ...ecJwk, kid: 'a' }), ['jwks.keys[1].kid: must be unique: key 0 has this kid']],
	[keys({ ...ed, d: 'x' }), [`jwks.keys[0].d: ${privately}`]],
	[{ jwks: JSON.stringify({ keys: [{ ...ed, d: 'x' }] }) }, [`jwks.keys[0].d: ${privately}`]],
	[
		keys({ kty: 'oct', k: 'x' }),
		[
			'jwks.keys[0].kty: must be EC, RSA or OKP: a key of type oct is a shared secret, which proves nothing of who knows it [UnsupportedValue]',
		],
	],
	[keys('x'), ['jwks.keys[0]: must be a mapping']],
	[keys({ ...ecJwk, alg: 'ES384' }), ['jwks.keys[0].alg: must be ES256, which P-256 is for']],
	[keys(rsa(1_024)), ['jwks.keys[0].n: must have 2048 to 4096 bits (RFC 7518 §3.3), and has 1024']],
	[keys({ ...ed, use: 'enc' }), ["jwks.keys[0].use: must be 'sig', or left out: the key verifies signatures"]],
	[{ audiences: [] }, ['audiences: must have at least 1 entry']],
	[{ audiences: [''] }, ['audiences[0]: must be at least 1 character long']],
	[{ audiences: ['a', 'a'] }, ['audiences[1]: must be unique: entry 0 is this audience']],
	[{ audiences: times(65, String) }, ['audiences: must have at most 64 entries']],
	[{ fromHeaders: [] }, ['fromHeaders: must have at least 1 entry']],
	[{ fromHeaders: [{ prefix: 'a' }] }, ['fromHeaders[0].name: is required']],
	[{ fromHeaders: [{ name: 'a b' }] }, ['fromHeaders[0].name: must be an HTTP field name (RFC 9110 token)']],
	[{ fromHeaders: [{ name: 'a', prefix: 'é' }] }, ['fromHeaders[0].prefix: must be printable US-ASCII']],
	[{ fromHeaders: [{ name: 'a' }, { name: 'A', prefix: 'b' }] }, []],
	[{ fromHeaders: [{ name: 'a' }, { name: 'A' }] }, ['fromHeaders[1]: must be unique: entry 0 names this place']],
	[{ fromHeaders: times(17, (i) => ({ name: `a${i}` })) }, ['fromHeaders: must have at most 16 entries']],
	[{ fromParams: ['a', 'a'] }, ['fromParams[1]: must be unique: entry 0 is this parameter']],
	[{ fromParams: times(17, String) }, ['fromParams: must have at most 16 entries']],
	[{ fromCookies: ['a=b'] }, ['fromCookies[0]: must be the name of a cookie (RFC 6265 token)']],
	[{ fromCookies: [''] }, ['fromCookies[0]: must be at least 1 character long']],
	[{ outputPayloadToHeader: 'X-Forwarded-For' }, [`outputPayloadToHeader: ${written('X-Forwarded-For')}`]],
	[{ outputPayloadToHeader: 'x_forwarded_for' }, [`outputPayloadToHeader: ${written('x_forwarded_for')}`]],
	[
		output('Selvedge-Caller'),
		["outputClaimToHeaders[0].header: must not be 'selvedge-caller': it is the mesh's own word on who calls"],
	],
	[output('Selvedge-Deadline'), [`outputClaimToHeaders[0].header: ${written('Selvedge-Deadline')}`]],
	[
		output('Workload-Identity-Token', 'forwarded', 'x-real-ip', 'Client-Cert', 'traceparent', 'cf-ray'),
		['Workload-Identity-Token', 'forwarded', 'x-real-ip', 'Client-Cert', 'traceparent', 'cf-ray'].map(
			(name, i) => `outputClaimToHeaders[${i}].header: ${written(name)}`,
		),
	],
	[
		output('Transfer-Encoding'),
		["outputClaimToHeaders[0].header: must not be 'transfer-encoding': the platform writes it for each hop"],
	],
	[output('a', 'b', 'A'), ['outputClaimToHeaders[2].header: must be unique: entry 0 names this field']],
	[
		{ outputPayloadToHeader: 'a', ...output('A') },
		['outputClaimToHeaders[0].header: must be unique: outputPayloadToHeader names this field'],
	],
	[{ outputClaimToHeaders: [{ header: 'a' }] }, ['outputClaimToHeaders[0].claim: is required']],
	...['a..b', '.a', '[a', 'a[b]', '[]', times(9, () => 'a').join('.')].map((claim): [object, string[]] => [
		{ outputClaimToHeaders: [{ header: 'a', claim }] },
		[`outputClaimToHeaders[0].claim: ${path}`],
	]),
	[{ outputClaimToHeaders: [{ header: 'a', claim: '[https://a.example/b][c]' }] }, []],
	[{ forwardOriginalToken: 'yes' }, ['forwardOriginalToken: must be true or false']],
	[{ clockSkew: '10m1ms' }, ['clockSkew: must be at most 10m']],
	[
		{ clockSkew: '-1s' },
		['clockSkew: must be a duration: one to four whole numbers, each with h, m, s or ms, e.g. 1m30s'],
	],
	[{ timeout: '0s' }, ['timeout: must be at least 1ms']],
	[{ spaceDelimitedClaims: ['a', 'a'] }, ['spaceDelimitedClaims[1]: must be unique: entry 0 is this claim']],
	[
		{ jwks_uri: 'x' },
		[expect.stringMatching(/^jwks_uri: is not a field here; must be one of issuer, audiences, jwksUri, jwks, /)],
	],
])('judges rule %j', (rule, expected) => {
	expect(told(rule)).toEqual(expected)
})

it.each<[object, string[]]>([
	[{}, ['spec.jwtRules: is required']],
	[{ jwtRules: [] }, ['spec.jwtRules: must have at least 1 entry']],
	[{ jwtRules: times(65, () => ({ issuer: ISSUER })) }, ['spec.jwtRules: must have at most 64 entries']],
	[
		{ jwtRules: [{ issuer: ISSUER }], targetRefs: [{ kind: 'HTTPRoute', name: 'r' }] },
		['spec.targetRefs[0].kind: must be one of Mesh, Namespace, Service [UnsupportedValue]'],
	],
	[
		{ jwtRules: [{ issuer: ISSUER }], targetRefs: [{ kind: 'Service', name: 's' }], selector: {} },
		['spec.selector: must be left out beside targetRefs: a policy is attached in one way'],
	],
])('judges %j', (spec, expected) => {
	expect(problems(requestAuthentication(spec))).toEqual(expected)
})
