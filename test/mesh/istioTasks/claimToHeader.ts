/** https://istio.io/latest/docs/tasks/security/authentication/claim-to-header/ */
import { BETA_API, deployed, HTTPBIN, type Page, type Row } from './page.ts'
import { jwksOf, type Stage, TESTING } from './stage.ts'

const foo = 'foo-claims'
const FIELD = 'x-jwt-claim-foo'

const jwtExample = (jwks: string): object => ({
	...BETA_API,
	kind: 'RequestAuthentication',
	metadata: { name: 'jwt-example', namespace: foo },
	spec: {
		...HTTPBIN,
		jwtRules: [{ issuer: TESTING, jwks, outputClaimToHeaders: [{ header: FIELD, claim: 'foo' }] }],
	},
})

const HEADERS: Row = { curl: 'GET /headers', answer: '200' }
const receives = (...values: string[]) => ({ receives: { [FIELD]: values } })
const base64url = (claim: unknown) => Buffer.from(JSON.stringify(claim)).toString('base64url')
const FORGED = { 'X-Jwt-Claim-Foo': 'forged' }

export const claimToHeader = ({ httpbin, issuer }: Stage): Page => {
	const applied = jwtExample(jwksOf(issuer))
	return {
		host: `httpbin--${foo}`,
		deploys: [deployed('httpbin', foo, httpbin.url)],
		steps: [
			{ says: 'sleep talks to httpbin', sees: [{ ...HEADERS, headers: FORGED, ...receives('forged') }] },
			{
				says: 'jwt-example: the claim goes into the field, and nothing else does',
				applies: [applied],
				sees: [
					{ ...HEADERS, bearer: 'invalidToken', answer: '401 invalid_token' },
					{ ...HEADERS, bearer: { foo: 'bar' }, ...receives('bar') },
					{ ...HEADERS, bearer: { foo: 'bar' }, headers: FORGED, ...receives('bar') },
					{ ...HEADERS, bearer: {}, headers: FORGED, ...receives() },
					{ ...HEADERS, headers: FORGED, ...receives() },
					{ ...HEADERS, bearer: { foo: true }, ...receives('true') },
					{ ...HEADERS, bearer: { foo: 7 }, ...receives('7') },
					// The page warns that lists are not supported; here they come as Envoy has them: JSON, in base64url.
					{ ...HEADERS, bearer: { foo: ['bar'] }, headers: FORGED, ...receives(base64url(['bar'])) },
				],
			},
			{ says: 'clean up', deletes: [applied], sees: [{ ...HEADERS, headers: FORGED, ...receives('forged') }] },
		],
	}
}
