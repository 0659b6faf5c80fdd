/** The keys of an OpenID Connect issuer, fetched: by discovery, or from where a document of the mesh says. */
import {
	discoveryUrl,
	type KeySource,
	MAX_DOCUMENT_BYTES,
	readDiscovery,
	readKeySet,
} from '../joining/issuerDocuments.ts'
import type { EndpointPolicy } from '../resources/endpointUrl.ts'
import { checkKeysUrl } from '../resources/identityUrl.ts'
import { err, ok, type Result } from '../result.ts'
import { type Fetch, fetchDocument } from './fetchDocument.ts'

export interface IssuerKeySet {
	/** Where the key set came from. */
	readonly url: string
	/** Its text: a JWK Set that was checked. */
	readonly body: string
}

/** `policy`: which URLs this mesh can reach and may believe. The error says what went wrong, for operators. */
export async function fetchIssuerKeys(
	ask: Fetch,
	source: KeySource,
	policy: EndpointPolicy,
): Promise<Result<IssuerKeySet, string>> {
	const url = source.jwksUri === undefined ? await discover(ask, source.issuer) : ok(source.jwksUri)
	if (!url.ok) return url
	const wrong = checkKeysUrl(url.value, policy)
	if (wrong !== undefined) return err(`jwks_uri ${wrong}`)
	const body = await fetchDocument(ask, url.value, MAX_DOCUMENT_BYTES)
	if (!body.ok) return body
	const keys = readKeySet(body.value)
	if (!keys.ok) return keys
	return keys.value.length === 0 ? err('the key set has no public key') : ok({ url: url.value, body: body.value })
}

async function discover(ask: Fetch, issuer: string): Promise<Result<string, string>> {
	const document = await fetchDocument(ask, discoveryUrl(issuer), MAX_DOCUMENT_BYTES)
	return document.ok ? readDiscovery(document.value, issuer) : document
}
