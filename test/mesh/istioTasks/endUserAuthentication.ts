/** https://istio.io/latest/docs/tasks/security/authentication/authn-policy/#end-user-authentication */
import { API, authorizationPolicy, deployed, HTTPBIN, type Page, paths, type Row, source } from './page.ts'
import { jwksOf, type Stage, TESTING } from './stage.ts'

const [foo, bar] = ['foo-users', 'bar-users']
const REFUSED = `403 access_denied by ${foo}/frontend-ingress`

const jwtExample = (jwks: string): object => ({
	...API,
	kind: 'RequestAuthentication',
	metadata: { name: 'jwt-example', namespace: foo },
	spec: { ...HTTPBIN, jwtRules: [{ issuer: TESTING, jwks }] },
})
const requireToken = (more: object = {}): object =>
	authorizationPolicy('frontend-ingress', foo, {
		...HTTPBIN,
		action: 'DENY',
		rules: [{ ...source({ notRequestPrincipals: ['*'] }), ...more }],
	})

const NONE: Row = { curl: 'GET /headers', answer: '200' }
const DEADBEEF: Row = { ...NONE, bearer: 'deadbeef', answer: '401 invalid_token' }
const GOOD: Row = { ...NONE, bearer: {} }

export const endUserAuthentication = ({ httpbin, issuer }: Stage): Page => {
	const jwks = jwksOf(issuer)
	return {
		host: `httpbin--${foo}`,
		deploys: [foo, bar].map((namespace) => deployed('httpbin', namespace, httpbin.url)),
		steps: [
			{ says: 'httpbin answers', sees: [NONE, { ...DEADBEEF, answer: '200' }] },
			{
				says: 'jwt-example: no token, a bad one, a good one',
				applies: [jwtExample(jwks)],
				sees: [NONE, DEADBEEF, GOOD, { ...DEADBEEF, host: `httpbin--${bar}`, answer: '200' }],
			},
			{
				// As there: 60 s may pass.
				says: 'expiry, and the skew of clocks',
				sees: [
					{ ...GOOD, expiresInSeconds: 5 },
					{ ...GOOD, expiresInSeconds: -5 },
					{ ...GOOD, expiresInSeconds: -65, answer: '401 invalid_token' },
				],
			},
			{
				says: 'require a valid token',
				applies: [requireToken()],
				sees: [{ ...NONE, answer: REFUSED }, GOOD, DEADBEEF],
			},
			{
				says: 'require valid tokens per path',
				applies: [requireToken(paths('/headers'))],
				sees: [{ ...NONE, answer: REFUSED }, { curl: 'GET /ip', answer: '200' }, GOOD],
			},
			{
				says: 'clean up',
				deletes: [jwtExample(jwks), requireToken()],
				sees: [NONE, { ...DEADBEEF, answer: '200' }],
			},
		],
	}
}
