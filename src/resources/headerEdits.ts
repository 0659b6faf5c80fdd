/** What a rule changes in a message's header fields, and which fields are not its to change. */
import { z } from 'zod'
import { HeaderName } from './scalars.ts'
import { firstOfEach } from './unique.ts'

/** Fields of one hop, and those that frame a message (RFC 9110 §7.6.1, RFC 9112 §6): the platform writes them. */
const FRAMING = [
	'connection',
	'content-length',
	'keep-alive',
	'proxy-authorization',
	'proxy-connection',
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
].map((name) => [name, 'the platform writes it for each hop'] as const)

const responseOwners: ReadonlyMap<string, string> = new Map(FRAMING)
const requestOwners: ReadonlyMap<string, string> = new Map([
	...FRAMING,
	['cf-connecting-ip', "it is the platform's word on who the client is"],
	['host', "a Worker cannot choose it; URLRewrite's hostname reaches the backend as X-Forwarded-Host"],
	['selvedge-caller', "it is the mesh's own word on who calls"],
])

function ownedBy(owners: ReadonlyMap<string, string>, name: string): string | undefined {
	const owner = owners.get(name.toLowerCase())
	return owner === undefined ? undefined : `must not be '${name}': ${owner}`
}

const nameThatIsFree = (owners: ReadonlyMap<string, string>) =>
	HeaderName.superRefine((name, context) => {
		const message = ownedBy(owners, name)
		if (message !== undefined) context.addIssue({ code: 'custom', message })
	})

/** Why a document may not write this request field, as a sentence; undefined when it may. */
export const ownerOfRequestField = (name: string): string | undefined => ownedBy(requestOwners, name)

/** The name of a request field that a document may write. */
export const RequestFieldName = nameThatIsFree(requestOwners)
/** The name of a response field that a document may write. */
export const ResponseFieldName = nameThatIsFree(responseOwners)

/** RFC 9110 §5.5 without obs-text, which no two readers decode alike. A line break would begin another field. */
export const FieldValue = z
	.string()
	.min(1)
	.max(4_096)
	.regex(/^$|^[!-~]([\t -~]*[!-~])?$/, {
		error: 'must be printable US-ASCII, with spaces and tabs only between other characters (RFC 9110 field value)',
	})

/** At most 16 fields; of several with the same name only the first counts (Gateway API, HTTPHeader). */
export const fieldsNamed = (Name: z.ZodType<string>) =>
	z
		.array(z.strictObject({ name: Name, value: FieldValue }))
		.max(16)
		.default([])
		.overwrite(firstOfEach(({ name }) => name.toLowerCase()))

const editsOf = (Name: z.ZodType<string>) =>
	z.strictObject({
		set: fieldsNamed(Name),
		add: fieldsNamed(Name),
		remove: z
			.array(Name)
			.max(16)
			.default([])
			.overwrite(firstOfEach((name) => name.toLowerCase())),
	})

/** https://gateway-api.sigs.k8s.io/reference/spec/#httpheaderfilter — set first, then add, then remove. */
export const RequestHeaderEdits = editsOf(RequestFieldName)
export const ResponseHeaderEdits = editsOf(ResponseFieldName)
