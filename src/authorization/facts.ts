/** A request and what follows from it, each worked out once for all rules that ask. */
import { fold } from './canonicalPath.ts'
import { type IpAddress, parseAddress } from './ipBlock.ts'
import { otherEnding } from './pathPattern.ts'
import type { AccessRequest } from './request.ts'

export interface Facts {
	readonly request: AccessRequest
	/** `<trust domain>/ns/<namespace>/sa/<workload>`, or whatever else the caller's SPIFFE ID says: under each name of the mesh's own. */
	readonly principal: string | readonly string[] | undefined
	folded: FoldedPath | undefined
	roots: readonly string[] | undefined
	/** Empty: unknown, or no address. */
	address: IpAddress | undefined
}

/** The path for rules that refuse whom they match. */
interface FoldedPath {
	readonly path: string
	/** With a final `/` if `path` has none, without it if it has. */
	readonly other: string
	readonly roots: readonly string[]
}

/** Of a path, this many segments are looked up; what lies deeper is left to the patterns. */
const ROOT_DEPTH = 4

export const factsOf = (request: AccessRequest): Facts => ({
	request,
	principal: principalOf(request),
	folded: undefined,
	roots: undefined,
	address: undefined,
})

function principalOf({ caller, trustDomains }: AccessRequest): Facts['principal'] {
	const principal = caller?.spiffeId.slice('spiffe://'.length)
	if (principal === undefined || trustDomains === undefined) return principal
	const own = trustDomainOf(principal)
	if (!trustDomains.includes(own)) return principal
	return trustDomains.map((name) => name + principal.slice(own.length))
}

export const trustDomainOf = (principal: string): string => principal.split('/', 1)[0]!

export function foldedOf(facts: Facts): FoldedPath {
	if (facts.folded === undefined) {
		// A path that encodes no text is ambiguous: only rules that enforce nothing see it.
		const path = fold(facts.request.path) ?? facts.request.path.toUpperCase()
		facts.folded = { path, other: otherEnding(path), roots: rootsOf(path) }
	}
	return facts.folded
}

export function strictRootsOf(facts: Facts): readonly string[] {
	facts.roots ??= rootsOf(facts.request.path)
	return facts.roots
}

export function addressOf(facts: Facts): IpAddress {
	facts.address ??= parseAddress(facts.request.clientAddress) ?? []
	return facts.address
}

/** `/a/b/c` → `/a`, `/a/b`, `/a/b/c`: the first whole segments of a path. */
function rootsOf(path: string): readonly string[] {
	const roots: string[] = []
	for (let end = 0; roots.length < ROOT_DEPTH && end < path.length; ) {
		const slash = path.indexOf('/', end + 1)
		end = slash < 0 ? path.length : slash
		roots.push(path.slice(0, end))
	}
	return roots
}

/** A root of which no more is said than `rootsOf` says of paths. */
export const shortRoot = (root: string): string => rootsOf(root).at(-1) ?? ''
