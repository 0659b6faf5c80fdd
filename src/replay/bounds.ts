/**
 * Policies that take the doubt of a sample on one side: of what only the real value would tell, they say that it matches, or that it does
 * not. Where both sides come to the same verdict, the real request would have got it too: rules match in more requests, or in fewer, but
 * never the one way and the other.
 *
 * A value that was digested and is none of the policies' own texts stands as a text that no policy holds, between two NUL characters.
 */
import { parseBlock } from '../authorization/ipBlock.ts'
import { kindOf } from '../authorization/textPattern.ts'
import type {
	AccessCondition,
	AccessKey,
	AccessPolicies,
	AccessPolicy,
	AccessRule,
	AccessSource,
} from '../snapshot/authorization.ts'
import { LABELS } from '../telemetry/accessSample.ts'

/** Which verdict the doubt is to help. */
export type Side = 'admit' | 'refuse'

export const MARK = '\u0000'

/** What is digested, and as what; undefined: nothing of it is. */
export function labelOf(key: AccessKey): string | undefined {
	switch (key.of) {
		case 'header':
			return LABELS.header(key.name)
		case 'claim':
			return LABELS.claim(key.path)
		case 'audiences':
			return LABELS.audience
		case 'presenter':
			return LABELS.presenter
		case 'requestPrincipal':
			return LABELS.principal
		default:
			return undefined
	}
}

/** Of the policies that are enforced: dry runs and AUDIT change no verdict. */
export const boundPolicies = (policies: AccessPolicies, side: Side): AccessPolicies =>
	policies.filter(isEnforced).map((policy) => {
		const widely = (policy.action === 'ALLOW') === (side === 'admit')
		return { ...policy, rules: policy.rules.map((rule) => boundRule(rule, widely)) }
	})

export const isEnforced = ({ action, dryRun }: AccessPolicy): boolean => action !== 'AUDIT' && dryRun !== true

/** `widely`: so that it matches whatever it may match; else only what it matches for sure. */
const boundRule = ({ from, to, when }: AccessRule, widely: boolean): AccessRule => ({
	...(from && { from: from.map((source) => boundSource(source, widely)) }),
	...(to && { to }),
	...(when && { when: when.map((condition) => boundCondition(condition, widely)) }),
})

const SOURCE_FIELDS = [
	['ipBlocks', 'notIpBlocks', 'address'],
	['requestPrincipals', 'notRequestPrincipals', 'requestPrincipal'],
] as const

/** The fields of a source that say what a condition could say. */
export const sourceConditions = (source: AccessSource): AccessCondition[] =>
	SOURCE_FIELDS.flatMap(([wanted, unwanted, of]) => {
		const [values, notValues] = [source[wanted], source[unwanted]]
		if (values === undefined && notValues === undefined) return []
		return [{ key: { of }, ...(values && { values }), ...(notValues && { notValues }) }]
	})

function boundSource(source: AccessSource, widely: boolean): AccessSource {
	const bound: Record<string, readonly string[] | undefined> = { ...source }
	for (const [wanted, unwanted, of] of SOURCE_FIELDS) {
		const [values, notValues] = [source[wanted], source[unwanted]]
		if (values !== undefined) bound[wanted] = boundTexts({ of }, values, widely)
		if (notValues !== undefined) bound[unwanted] = boundTexts({ of }, notValues, !widely)
	}
	return bound as AccessSource
}

const boundCondition = ({ key, values, notValues }: AccessCondition, widely: boolean): AccessCondition => ({
	key,
	...(values && { values: boundTexts(key, values, widely) }),
	...(notValues && { notValues: boundTexts(key, notValues, !widely) }),
})

function boundTexts(key: AccessKey, texts: readonly string[], widely: boolean): readonly string[] {
	if (key.of === 'address') return texts.flatMap((text) => boundBlock(text, widely))
	return labelOf(key) === undefined || !widely ? texts : [...texts, ...texts.flatMap((text) => wildText(key, text))]
}

/** How much of a client's address a sample has. */
const NETWORK_BITS = { v4: 24, v6: 48 }

/** No network begins with it; but an address that is not known is as good as in it, or out of it, as in any other block. */
const NOBODYS = '255.255.255.255'

/** A block inside of a network may have the client in it, or not. */
function boundBlock(text: string, widely: boolean): string[] {
	const block = parseBlock(text)
	if (block === undefined || !isNarrow(text)) return [text]
	if (!widely) return [NOBODYS]
	const [address = ''] = text.split('/')
	if (block.address.length > 1) return [`${address}/${NETWORK_BITS.v6}`]
	// Also as it is mapped into IPv6.
	return [`${address}/${NETWORK_BITS.v4 + (address.includes(':') ? 96 : 0)}`]
}

function isNarrow(text: string): boolean {
	const block = parseBlock(text)
	return block !== undefined && block.bits > (block.address.length === 1 ? NETWORK_BITS.v4 : NETWORK_BITS.v6)
}

/** What matches every value that is not known, where the text is a pattern and so may match it. */
function wildText({ of }: AccessKey, text: string): string[] {
	const { kind, literal } = kindOf(text)
	if (kind === 'exact' || kind === 'any') return []
	if (of !== 'requestPrincipal') return [`${MARK}*`]
	if (kind === 'suffix') return [`*${MARK}`]
	// The issuer is known: the pattern may match where it goes on after one.
	return [...literal.matchAll(/\//g)].map(({ index }) => `${literal.slice(0, index + 1)}${MARK}*`)
}

/** Whether a sample may leave it open if a text matches. */
export function mayBeOpen(key: AccessKey, text: string): boolean {
	if (key.of === 'address') return isNarrow(text)
	const { kind } = kindOf(text)
	return labelOf(key) !== undefined && (kind === 'prefix' || kind === 'suffix')
}
