/** A Kubernetes Secret: values that the mesh adds to requests, and that nobody reads back. */
import { z } from 'zod'
import { CoreApiVersion } from './apiVersions.ts'
import type { Problem } from './documentError.ts'
import { Metadata, Status } from './metadata.ts'

const MAX_KEYS = 64
const MAX_VALUE_BYTES = 8_192
/** Base64 of the longest value; line breaks in it are dropped first. */
const MAX_BASE64_CHARACTERS = 2 * MAX_VALUE_BYTES

/** Names one value of a Secret. */
export const SecretKey = z
	.string()
	.regex(/^[-._a-zA-Z0-9]{1,253}$/, { error: "must be 1 to 253 letters, digits, '-', '_' and '.'" })

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const Value = z
	.string()
	.min(1)
	.refine((value) => value.isWellFormed(), { error: 'must be Unicode text, without half of a surrogate pair' })
	.refine((value) => bytesOf(value).length <= MAX_VALUE_BYTES, {
		error: `must be at most ${MAX_VALUE_BYTES.toLocaleString('en')} bytes long`,
	})

const Base64Value = z
	.string()
	.max(MAX_BASE64_CHARACTERS)
	.transform((text, context) => {
		const value = decoded(text.replace(/\s/g, ''))
		if (value !== undefined) return value
		context.addIssue({ code: 'custom', message: 'must be base64 (RFC 4648 §4) of UTF-8 text' })
		return z.NEVER
	})
	.pipe(Value)

function decoded(base64: string): string | undefined {
	if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) return undefined
	try {
		const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
	} catch {
		return undefined
	}
}

/**
 * Where a value cannot go: `never`, because of a control character; `encoded`, because a header field would not carry it as it
 * is, though basic credentials and queries would. It is told from the value before that is sealed.
 */
export type Unfit = 'never' | 'encoded'

function unfitness(value: string): Unfit | undefined {
	if (/\p{Cc}/u.test(value)) return 'never'
	return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) ? undefined : 'encoded'
}

const description = `At most ${MAX_KEYS} values of at most ${MAX_VALUE_BYTES.toLocaleString('en')} bytes. Answers show null instead.`

export const Secret = z
	.strictObject({
		apiVersion: CoreApiVersion,
		kind: z.literal('Secret'),
		metadata: Metadata,
		type: z.string().min(1).max(253).default('Opaque'),
		data: z
			.record(SecretKey, Base64Value)
			.default({})
			.meta({ description: `In base64. ${description}` }),
		stringData: z
			.record(SecretKey, Value)
			.default({})
			.meta({ description: `As plain text; wins over data. ${description}` }),
		immutable: z.boolean().optional().meta({ description: 'Accepted, and dropped: a Secret can always be replaced.' }),
		status: Status,
	})
	.superRefine(({ data, stringData }, context) => {
		if (new Set([...Object.keys(data), ...Object.keys(stringData)]).size > MAX_KEYS)
			context.addIssue({ code: 'custom', path: ['data'], message: `must have at most ${MAX_KEYS} entries` })
	})
	.transform(({ apiVersion, kind, metadata, type, data, stringData }) => {
		const values = Object.entries({ ...data, ...stringData }).sort(([a], [b]) => (a < b ? -1 : 1))
		const unfit = values.flatMap(([key, value]): [string, Unfit][] => {
			const where = unfitness(value)
			return where === undefined ? [] : [[key, where]]
		})
		return { apiVersion, kind, metadata, type, data: Object.fromEntries(values), unfit: Object.fromEntries(unfit) }
	})
	.meta({
		id: 'Secret',
		description:
			'Values that Services name as credentials. They are encrypted before they are stored, and never returned.',
	})
export type Secret = z.infer<typeof Secret>

/** The Secret as anybody may see it: its keys, with null for each value. */
export function withoutValues({ unfit: _, ...secret }: Secret): object {
	return { ...secret, data: Object.fromEntries(Object.keys(secret.data).map((key) => [key, null])) }
}

/** Complaints about a Secret as it was answered, sent back: its nulls would otherwise read as absent, and its values be lost. */
export function withheldValues(document: Readonly<Record<string, unknown>>): Problem[] {
	return ['data', 'stringData'].flatMap((field) =>
		Object.entries((document[field] ?? {}) as Record<string, unknown>)
			.filter(([, value]) => value === null)
			.slice(0, MAX_KEYS)
			.map(([key]) => ({
				path: [field, key],
				message: 'values are never returned: send the value again, or leave the Secret out',
			})),
	)
}
