/** https://istio.io/latest/docs/tasks/security/authorization/authz-jwt/: keys from where the issuer publishes them. */
import { API, authorizationPolicy, deployed, HTTPBIN, type Page, type Row, source } from './page.ts'
import { type Stage, TESTING } from './stage.ts'

const foo = 'foo-jwt'
/** demo.jwt and groups-scope.jwt. */
const TOKEN = { foo: 'bar' }
const TOKEN_GROUP = { groups: ['group1', 'group2'], scope: ['scope1', 'scope2'] }

const jwtExample = (jwksUri: string): object => ({
	...API,
	kind: 'RequestAuthentication',
	metadata: { name: 'jwt-example', namespace: foo },
	spec: { ...HTTPBIN, jwtRules: [{ issuer: TESTING, jwksUri }] },
})
const requireJwt = (more: object = {}): object => {
	const rules = [{ ...source({ requestPrincipals: [`${TESTING}/${TESTING}`] }), ...more }]
	return authorizationPolicy('require-jwt', foo, { ...HTTPBIN, action: 'ALLOW', rules })
}

const NONE: Row = { curl: 'GET /headers', answer: '200' }
const showing = (bearer: NonNullable<Row['bearer']>, answer: string): Row => ({ curl: 'GET /headers', bearer, answer })
const INVALID = showing('invalidToken', '401 invalid_token')

export const jwtToken = ({ httpbin, issuer }: Stage): Page => ({
	host: `httpbin--${foo}`,
	deploys: [deployed('httpbin', foo, httpbin.url)],
	steps: [
		{ says: 'sleep talks to httpbin', sees: [{ curl: 'GET /ip', answer: '200' }] },
		{
			says: 'jwt-example: who shows a token shows a good one',
			applies: [jwtExample(`${issuer.url}/keys`)],
			sees: [INVALID, NONE, showing(TOKEN, '200')],
		},
		{
			says: 'require-jwt: a token of that issuer and subject',
			applies: [requireJwt()],
			sees: [
				showing(TOKEN, '200'),
				{ ...NONE, answer: '403 access_denied' },
				showing({ sub: 'other' }, '403 access_denied'),
				INVALID,
			],
		},
		{
			says: 'require-jwt: and of group1',
			applies: [requireJwt({ when: [{ key: 'request.auth.claims[groups]', values: ['group1'] }] })],
			sees: [
				showing(TOKEN_GROUP, '200'),
				showing(TOKEN, '403 access_denied'),
				showing({ groups: ['group2'] }, '403 access_denied'),
			],
		},
		{
			says: 'clean up',
			deletes: [jwtExample(`${issuer.url}/keys`), requireJwt()],
			sees: [NONE, { ...INVALID, answer: '200' }],
		},
	],
})
