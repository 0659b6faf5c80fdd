/** Documents as people send them, turned into resources or into everything that is wrong with them. */
import { type ResourceKey, resourceKey } from '../names.ts'
import type { ResourceRef } from '../ports.ts'
import { err, ok, type Result } from '../result.ts'
import { type DocumentError, formatPath, type Problem } from './documentError.ts'
import { checkEndpointUrl, type EndpointPolicy } from './endpointUrl.ts'
import { bundleProblems, issuerProblems, userIssuerProblems } from './identityUrl.ts'
import { findKind, type Kind, kindByName, kinds } from './kinds.ts'
import { parse } from './problems.ts'
import { type RawDocument, readDocuments } from './rawDocuments.ts'
import { keyOf, type Resource } from './resource.ts'
import { parseRef } from './resourceRef.ts'
import { withheldValues } from './secret.ts'
import { MAX_FIXED_ENDPOINTS } from './service.ts'

export type { DocumentError } from './documentError.ts'

export type DocumentFormat = 'yaml' | 'json'

/** More errors than this are not reported. */
const MAX_ERRORS = 100

/** Kinds that are refused for a reason of their own. */
const refusedKinds: Readonly<Record<string, string>> = {
	GRPCRoute:
		'must not be GRPCRoute: native gRPC needs HTTP/2 trailers, which a Worker cannot pass on; use an HTTPRoute and gRPC-Web, whose trailers are part of the body',
}

/**
 * Reads a request's documents: multi-document YAML, or a JSON object or array; Kubernetes Lists are unfolded.
 * At most 10,000 documents. Either all are resources with their defaults filled in, or all errors come back (at most 100).
 */
export function parseDocuments(
	text: string,
	format: DocumentFormat,
	context: EndpointPolicy,
): Result<Resource[], DocumentError[]> {
	return readAll(text, format, (value, kind) => parseResource(value, kind, context), keyOf)
}

/** Reads what documents name; beyond apiVersion, kind, name and namespace nothing in them matters. */
export function parseRefs(text: string, format: DocumentFormat): Result<ResourceRef[], DocumentError[]> {
	return readAll(text, format, parseRef, ({ kind, namespace, name }) => resourceKey(kind, namespace, name))
}

function readAll<T>(
	text: string,
	format: DocumentFormat,
	read: (value: RawDocument['value'], kind: Kind) => Result<T, Problem[]>,
	keyOf: (parsed: T) => ResourceKey,
): Result<T[], DocumentError[]> {
	const { documents, errors } = readDocuments(text, format)
	const found: DocumentError[] = [...errors]
	const parsed: T[] = []
	const firstOf = new Map<ResourceKey, RawDocument>()
	for (const document of documents) {
		if (found.length >= MAX_ERRORS) break
		const kind = kindOf(document.value)
		const result = kind.ok ? read(document.value, kind.value) : kind
		if (!result.ok) {
			found.push(...result.error.map((problem) => located(problem, document)))
			continue
		}
		const key = keyOf(result.value)
		const first = firstOf.get(key)
		if (first !== undefined) found.push(located(repeated(first, document), document))
		else firstOf.set(key, document)
		parsed.push(result.value)
	}
	if (found.length === 0) return ok(parsed)
	return err(found.sort((a, b) => a.document - b.document).slice(0, MAX_ERRORS))
}

function kindOf(value: RawDocument['value']): Result<Kind, Problem[]> {
	const { apiVersion, kind } = value
	const missing = (['apiVersion', 'kind'] as const)
		.filter((field) => typeof value[field] !== 'string')
		.map((field) => ({ path: [field], message: value[field] == null ? 'is required' : 'must be a string' }))
	if (typeof apiVersion !== 'string' || typeof kind !== 'string') return err(missing)
	const found = findKind(apiVersion, kind)
	if (found !== undefined) return ok(found)
	const known = kindByName(kind)
	if (known !== undefined)
		return err([
			{ path: ['apiVersion'], message: `must be ${[known.apiVersion, ...known.aliases].join(' or ')} for ${kind}` },
		])
	const accepted = kinds.map(({ kind, apiVersion }) => `${kind} (${apiVersion})`).join(', ')
	const own = Object.hasOwn(refusedKinds, kind) ? refusedKinds[kind] : undefined
	return err([{ path: ['kind'], message: own ?? `must be one of ${accepted}` }])
}

function parseResource(value: RawDocument['value'], kind: Kind, context: EndpointPolicy): Result<Resource, Problem[]> {
	const parsed = parse(kind.schema, value)
	const problems = beyondSchema[kind.kind]?.(value, context) ?? []
	return problems.length === 0 ? parsed : err([...(parsed.ok ? [] : parsed.error), ...problems])
}

/** What a schema cannot know. Judged even when it refuses other fields. */
const beyondSchema: { readonly [Name in Kind['kind']]?: typeof endpointProblems } = {
	Service: endpointProblems,
	Secret: withheldValues,
	WorkloadTrust: issuerProblems,
	FederatedTrustDomain: bundleProblems,
	RequestAuthentication: userIssuerProblems,
}

/** Where this mesh's endpoints may be. */
function endpointProblems({ spec }: RawDocument['value'], policy: EndpointPolicy): Problem[] {
	const endpoints = (spec as { endpoints?: unknown } | null | undefined)?.endpoints
	if (!Array.isArray(endpoints)) return []
	return endpoints.slice(0, MAX_FIXED_ENDPOINTS).flatMap((endpoint, index) => {
		const url: unknown = endpoint?.url
		const message = typeof url === 'string' ? checkEndpointUrl(url, policy) : undefined
		return message === undefined ? [] : [{ path: ['spec', 'endpoints', index, 'url'], message }]
	})
}

function repeated(first: RawDocument, second: RawDocument): Problem {
	const where = ({ number, prefix }: RawDocument) =>
		`document ${number}${prefix.length === 0 ? '' : `, ${formatPath(prefix)}`}`
	return {
		path: ['metadata', 'name'],
		message: `must be named once in a request: ${where(first)} and ${where(second)} name the same resource`,
	}
}

function located({ path, message, reason }: Problem, document: RawDocument): DocumentError {
	const at = [...document.prefix, ...path]
	const line = document.lineOf?.(at)
	return {
		document: document.number,
		...namesIn(document.value),
		path: formatPath(at),
		message,
		...(reason === undefined ? {} : { reason }),
		...(line === undefined ? {} : { line }),
	}
}

/** What the document calls itself, as far as it does. */
function namesIn({ kind, metadata }: RawDocument['value']): Pick<DocumentError, 'kind' | 'namespace' | 'name'> {
	const { namespace, name } = (metadata ?? {}) as Record<string, unknown>
	return {
		...(typeof kind === 'string' ? { kind } : {}),
		...(typeof namespace === 'string' ? { namespace } : {}),
		...(typeof name === 'string' ? { name } : {}),
	}
}
