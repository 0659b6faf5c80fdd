/** Whom a CUSTOM policy asks: the Mesh's provider of that name, in the form that proxies use, or why there is nobody to ask. */
import { durationMs } from '../../resources/duration.ts'
import type { ExtensionProvider } from '../../resources/extensionProvider.ts'
import type { Mesh } from '../../resources/mesh.ts'
import type { Authorizer } from '../authorization.ts'
import { MESH_KEY } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { hasService } from '../services/serviceTarget.ts'

export type AuthorizerLookup = (name: string) => Authorizer

/** For one build: each provider is looked up once. */
export function authorizerLookup(index: ResourceIndex): AuthorizerLookup {
	const known = new Map<string, Authorizer>()
	return (name) => {
		const authorizer = known.get(name) ?? resolve(name, index)
		known.set(name, authorizer)
		return authorizer
	}
}

function resolve(name: string, index: ResourceIndex): Authorizer {
	const mesh = index.get(MESH_KEY)?.resource as Mesh | undefined
	const provider = mesh?.spec.extensionProviders?.find((each) => each.name === name)
	if (provider === undefined) return { name, invalid: `the Mesh has no extensionProvider named ${name}`, ...NOBODY }
	const authorizer = authorizerOf(provider)
	if (hasService(authorizer.service, index)) return authorizer
	return {
		...authorizer,
		failOpen: false,
		invalid: `extensionProvider ${name}: Service ${authorizer.service} not found`,
	}
}

/** What is asked of nobody is refused. */
const NOBODY = {
	...{ service: '', pathPrefix: '', timeoutMs: 0, failOpen: false, statusOnError: 403 },
	...{ includeRequestHeaders: [], includeAdditionalHeaders: [] },
	...{ headersToUpstreamOnAllow: [], headersToDownstreamOnAllow: [], headersToDownstreamOnDeny: [] },
} as const

/** Names of fields have no case (RFC 9110 §5.1). */
const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase())

function authorizerOf({ name, envoyExtAuthzHttp: said }: ExtensionProvider): Authorizer {
	const body = said.includeRequestBodyInCheck
	return {
		name,
		service: said.service,
		pathPrefix: said.pathPrefix,
		// Validation has read it once already.
		timeoutMs: durationMs(said.timeout)!,
		failOpen: said.failOpen,
		statusOnError: said.statusOnError,
		includeRequestHeaders: lower(said.includeRequestHeadersInCheck),
		includeAdditionalHeaders: Object.entries(said.includeAdditionalHeadersInCheck).map(
			([field, value]) => [field.toLowerCase(), value] as const,
		),
		...(body && { bodyBytes: body.maxRequestBytes }),
		...(body?.allowPartialMessage === false && { wholeBody: true }),
		headersToUpstreamOnAllow: lower(said.headersToUpstreamOnAllow),
		headersToDownstreamOnAllow: lower(said.headersToDownstreamOnAllow),
		headersToDownstreamOnDeny: lower(said.headersToDownstreamOnDeny),
	}
}
