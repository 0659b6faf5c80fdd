/** Lists of paths, hosts, addresses and hours. What does not parse matches nothing, or everything where a match refuses. */
import type { Reader } from './attribute.ts'
import { addressBitsOf, addressOf, type Facts, foldedOf, hostsOf } from './facts.ts'
import { bitsOf, isInBlock, parseBlock } from './ipBlock.ts'
import { parsePathPattern } from './pathPattern.ts'
import { type SearchKey, searchKeys } from './searchKey.ts'
import { compileTexts, kindOf } from './textPattern.ts'
import { isInWindow, parseTimeWindow } from './timeWindow.ts'

export type Test = (facts: Facts) => boolean

export interface TextList {
	readonly test: Test
	/** Whatever it matches has, in what is read, all keys of one of the lists: those of each text or block. */
	readonly lookUp?: { readonly read: Reader; readonly keys: readonly (readonly SearchKey[])[] } | undefined
}

/**
 * Some services ignore case, a final `/`, or whether a character is encoded. A path that such a service would take for one of these
 * is one of them where a match refuses; where it admits, only the path itself is.
 */
export function compilePaths(texts: readonly string[], refuses: boolean): TextList {
	const parse = (text: string) => parsePathPattern(text, refuses)
	const { test, parsed } = refuses
		? compileParsed(texts, refuses, parse, ({ matches }, facts) => foldedOf(facts).some(matches))
		: compileParsed(texts, refuses, parse, ({ matches }, { request }) => matches(request.path))
	const read: Reader = refuses ? foldedOf : ({ request }) => request.path
	return {
		test,
		lookUp: { read, keys: parsed.map((pattern) => pattern?.keys ?? []) },
	}
}

/** In lower case. Those that name a port are compared with host and port, the others with the host: clients leave out the port of the scheme. */
export function compileHosts(lower: readonly string[]): TextList {
	const withPort = lower.filter((text) => portAt(text) >= 0)
	const without = lower.filter((text) => portAt(text) < 0)
	const [matches, matchesWithPort] = [compileTexts(without), compileTexts(withPort)]
	return {
		test: (facts) => matches(facts.request.host) || (withPort.length > 0 && matchesWithPort(hostsOf(facts)[1]!)),
		lookUp: { read: hostsOf, keys: lower.map((text) => searchKeys(kindOf(text))) },
	}
}

/** Where the port's colon is; the others are inside the brackets of an IPv6 address. Negative: there is none. */
const portAt = (host: string): number => host.indexOf(':', host.lastIndexOf(']') + 1)

/** `unknown`: whether an address that is not known is in every block. */
export function compileAddresses(texts: readonly string[], refuses: boolean, unknown: boolean): TextList {
	const { test, parsed } = compileParsed(texts, refuses, parseBlock, (block, facts) => {
		const address = addressOf(facts)
		return address.length === 0 ? unknown : isInBlock(block, address)
	})
	const keys = parsed.map((block) =>
		block === undefined ? [] : searchKeys({ kind: 'prefix', literal: bitsOf(block.address).slice(0, block.bits) }),
	)
	return { test, lookUp: { read: addressBitsOf, keys: unknown ? [...keys, searchKeys(kindOf(''))] : keys } }
}

export const compileTimes = (texts: readonly string[], refuses: boolean): TextList =>
	compileParsed(texts, refuses, parseTimeWindow, (window, { request }) => isInWindow(window, request.now))

function compileParsed<T extends object>(
	texts: readonly string[],
	refuses: boolean,
	parse: (text: string) => T | undefined,
	holds: (parsed: T, facts: Facts) => boolean,
): { readonly test: Test; readonly parsed: readonly (T | undefined)[] } {
	const parsed = texts.map(parse)
	return { test: (facts) => parsed.some((one) => (one === undefined ? refuses : holds(one, facts))), parsed }
}
