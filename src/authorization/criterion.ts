/** One thing that a rule asks of requests: that a list of texts matches what they have under a key, and another list does not. */
import { canonicalMeshHost } from '../names.ts'
import type { AccessPolicy } from '../snapshot/authorization.ts'
import { type Key, keyId, type Reader, readerOf, type TextKey } from './attribute.ts'
import { compileAddresses, compileHosts, compilePaths, compileTimes, type Test, type TextList } from './lists.ts'
import { type SearchKey, searchKeys } from './searchKey.ts'
import { compileTexts, kindOf } from './textPattern.ts'

export interface Criterion {
	readonly key: Key
	readonly values?: readonly string[] | undefined
	readonly notValues?: readonly string[] | undefined
}

/** A way to find a rule: requests that it matches have, in what they read, all keys of one of the lists. */
export interface LookUp {
	/** Equal for equal `read`. */
	readonly id: string
	readonly read: Reader
	readonly keys: readonly (readonly SearchKey[])[]
}

export interface CompiledCriterion {
	readonly test: Test
	readonly lookUp: LookUp | undefined
}

/** `action`: whether a match of the rule counts against the request, so that doubt falls on matching. */
export function compileCriterion(
	{ key, values, notValues }: Criterion,
	action: AccessPolicy['action'],
	trustDomain: string,
): CompiledCriterion {
	const refuses = action !== 'ALLOW'
	const wanted = values && compileList(key, values, refuses, refuses && action !== 'AUDIT', trustDomain)
	const unwanted = notValues && compileList(key, notValues, !refuses, !refuses, trustDomain)
	const found = wanted?.lookUp
	const lookUp = found?.keys.every(({ length }) => length > 0) ? { id: keyId(key), ...found } : undefined
	if (unwanted === undefined) return { test: wanted?.test ?? always, lookUp }
	if (wanted === undefined) return { test: (facts) => !unwanted.test(facts), lookUp }
	return { test: (facts) => wanted.test(facts) && !unwanted.test(facts), lookUp }
}

const always: Test = () => true

/** `unknown`: what is said of an address that is not known. To AUDIT, which lets nobody in or out, it is in no block. */
function compileList(
	key: Key,
	texts: readonly string[],
	refuses: boolean,
	unknown: boolean,
	trustDomain: string,
): TextList {
	switch (key.of) {
		case 'path':
			return compilePaths(texts, refuses)
		case 'host':
			return compileHosts(texts.map((text) => spelledAsMeshHost(text.toLowerCase(), trustDomain)))
		case 'address':
			return compileAddresses(texts, refuses, unknown)
		case 'time':
			return compileTimes(texts, refuses)
		default:
			return compileValues(key, inTrustDomain(key, texts, trustDomain))
	}
}

/** A service has several names (`a.ns.<domain>`, `a--ns.<domain>`), of which requests have one: see `AccessRequest.host`. */
function spelledAsMeshHost(text: string, meshDomain: string): string {
	const [host, port] = text.startsWith('[') ? [text] : text.split(':', 2)
	const known = host!.includes('*') ? undefined : canonicalMeshHost(host!, meshDomain)
	if (known === undefined) return text
	return port === undefined ? known : `${known}:${port}`
}

/** Documents written for Istio say `cluster.local` for the mesh's own trust domain, whatever that is called. */
function inTrustDomain({ of }: Key, texts: readonly string[], trustDomain: string): readonly string[] {
	if (of === 'trustDomain') return texts.map((text) => (text === 'cluster.local' ? trustDomain : text))
	return of === 'principal' ? texts.map((text) => text.replace(/^cluster\.local(?=\/)/, trustDomain)) : texts
}

function compileValues(key: TextKey, texts: readonly string[]): TextList {
	const read = readerOf(key)
	const matches = compileTexts(texts, key.of === 'serviceAccount' ? texts : undefined)
	return {
		test: (facts) => {
			const reading = read(facts)
			if (reading === null || reading === undefined) return false
			return typeof reading === 'string' ? matches(reading) : reading.some(matches)
		},
		lookUp: { read, keys: texts.map((text) => searchKeys(kindOf(text))) },
	}
}
