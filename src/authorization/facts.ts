/** A request and what follows from it, each worked out once for all rules that ask. */
import { fold } from './canonicalPath.ts'
import { bitsOf, type IpAddress, parseAddress } from './ipBlock.ts'
import { otherEnding } from './pathPattern.ts'
import type { AccessRequest } from './request.ts'

export interface Facts {
	readonly request: AccessRequest
	/** `<trust domain>/ns/<namespace>/sa/<workload>`, or whatever else the caller's SPIFFE ID says: under each name of the mesh's own. */
	readonly principal: string | readonly string[] | undefined
	folded: readonly string[] | undefined
	hosts: readonly string[] | undefined
	address: IpAddress | undefined
	bits: string | undefined
}

export const factsOf = (request: AccessRequest): Facts => ({
	request,
	principal: principalOf(request),
	folded: undefined,
	hosts: undefined,
	address: undefined,
	bits: undefined,
})

function principalOf({ caller, trustDomains }: AccessRequest): Facts['principal'] {
	const principal = caller?.spiffeId.slice('spiffe://'.length)
	if (principal === undefined || trustDomains === undefined) return principal
	const own = trustDomainOf(principal)
	if (!trustDomains.includes(own)) return principal
	return trustDomains.map((name) => name + principal.slice(own.length))
}

export const trustDomainOf = (principal: string): string => principal.split('/', 1)[0]!

/** The path for rules that refuse whom they match: as it ends, and with a final `/` if it has none, without it if it has. */
export function foldedOf(facts: Facts): readonly string[] {
	if (facts.folded === undefined) {
		// A path that encodes no text is ambiguous: only rules that enforce nothing see it.
		const path = fold(facts.request.path) ?? facts.request.path.toUpperCase()
		facts.folded = [path, otherEnding(path)]
	}
	return facts.folded
}

/** The host alone, and with its port. */
export function hostsOf(facts: Facts): readonly string[] {
	const { host, port } = facts.request
	facts.hosts ??= [host, `${host}:${port}`]
	return facts.hosts
}

/** Empty: unknown, or no address. */
export function addressOf(facts: Facts): IpAddress {
	facts.address ??= parseAddress(facts.request.clientAddress) ?? []
	return facts.address
}

/** Of the address. Empty: unknown, or no address. */
export function addressBitsOf(facts: Facts): string {
	facts.bits ??= bitsOf(addressOf(facts))
	return facts.bits
}
