/** Where keys of others are fetched from: whoever can change what is read there can call themselves anybody. */
import type { Problem } from './documentError.ts'
import { checkEndpointUrl, type EndpointPolicy, isInClear } from './endpointUrl.ts'

/** What a RequestAuthentication may have of them; more are refused already. */
const MAX_JWT_RULES = 64

/** A document of a kind that names such URLs, before anything in it is checked. */
type Unchecked = Readonly<Record<string, unknown>>

/** What the schema of a WorkloadTrust cannot know: which URLs this mesh can reach and may believe. */
export function issuerProblems({ spec }: Unchecked, policy: EndpointPolicy): Problem[] {
	const oidc = fieldsOf(fieldsOf(spec).oidc)
	return [
		...problemsOf(oidc.issuer, ['spec', 'oidc', 'issuer'], checkIssuer, policy),
		...problemsOf(oidc.jwksUri, ['spec', 'oidc', 'jwksUri'], checkKeysUrl, policy),
	]
}

/** The same of a FederatedTrustDomain. */
export function bundleProblems({ spec }: Unchecked, policy: EndpointPolicy): Problem[] {
	const { url } = fieldsOf(fieldsOf(spec).bundleEndpoint)
	return problemsOf(url, ['spec', 'bundleEndpoint', 'url'], checkKeysUrl, policy)
}

/** The same of a RequestAuthentication: an issuer is a URL where its keys are to be discovered. */
export function userIssuerProblems({ spec }: Unchecked, policy: EndpointPolicy): Problem[] {
	const { jwtRules } = fieldsOf(spec)
	return (Array.isArray(jwtRules) ? jwtRules.slice(0, MAX_JWT_RULES) : []).flatMap((rule: unknown, index) => {
		const { issuer, jwksUri, jwks } = fieldsOf(rule)
		const path = ['spec', 'jwtRules', index]
		const isDiscovered = (jwksUri ?? jwks ?? null) === null
		return [
			...(isDiscovered ? problemsOf(issuer, [...path, 'issuer'], checkDiscovered, policy) : []),
			...problemsOf(jwksUri, [...path, 'jwksUri'], checkKeysUrl, policy),
		]
	})
}

function checkDiscovered(issuer: string, policy: EndpointPolicy): string | undefined {
	const wrong = checkIssuer(issuer, policy)
	return wrong === undefined ? undefined : `${wrong}; without jwksUri and jwks the keys are discovered there`
}

const fieldsOf = (value: unknown): Unchecked =>
	typeof value === 'object' && value !== null ? (value as Unchecked) : {}

type Check = (url: string, policy: EndpointPolicy) => string | undefined

function problemsOf(url: unknown, path: readonly PropertyKey[], check: Check, policy: EndpointPolicy): Problem[] {
	const message = typeof url === 'string' ? check(url, policy) : undefined
	return message === undefined ? [] : [{ path, message }]
}

/** OpenID Connect Discovery 1.0 §3: https, without query or fragment. Compared with `iss` letter by letter, it stays as it is. */
function checkIssuer(url: string, policy: EndpointPolicy): string | undefined {
	const wrong = checkEndpointUrl(url, policy)
	return wrong ?? (isInClear(url) ? IN_CLEAR : undefined)
}

/** A JWKS or a bundle may need a query: its characters are judged as those of a path. */
export const checkKeysUrl = (url: string, policy: EndpointPolicy): string | undefined =>
	checkIssuer(url.replaceAll('?', '/'), policy)

const IN_CLEAR = 'must be https://: whoever can change what is read there can call themselves anybody'
