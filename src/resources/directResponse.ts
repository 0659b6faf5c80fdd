/** An answer that the mesh gives itself: no backend sees the request. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { fieldsNamed, ResponseFieldName } from './headerEdits.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'

const MAX_BODY_BYTES = 16_384
/** Their responses end with the header section (RFC 9110 §6.4.1, §15.3.6). */
const WITHOUT_BODY = [204, 205, 304]
const PLAIN_TEXT = 'text/plain; charset=utf-8'

/** A lone surrogate is three bytes, as TextEncoder writes U+FFFD for it. */
const utf8Length = (text: string) => new TextEncoder().encode(text).length

const Headers = fieldsNamed(
	ResponseFieldName.refine((name) => name.toLowerCase() !== 'content-type', {
		error: 'must not be Content-Type: contentType says it',
	}),
)

/** A media type and its parameters, without line breaks (RFC 9110 §8.3.1). */
const ContentType = z
	.string()
	.max(256)
	.regex(/^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+([\t ]*;[\t -~]*[!-~])?$/, {
		error: 'must be a media type, e.g. application/json',
	})

const Body = z.string().refine((body) => utf8Length(body) <= MAX_BODY_BYTES, {
	error: `must be at most ${MAX_BODY_BYTES.toLocaleString('en')} bytes long in UTF-8`,
})

const DirectResponseSpec = z
	.strictObject({
		statusCode: z.int().min(200).max(599),
		headers: Headers,
		contentType: ContentType.exactOptional().meta({ description: `${PLAIN_TEXT} when there is a body.` }),
		body: Body.exactOptional(),
	})
	.refine(({ statusCode, body = '' }) => body === '' || !WITHOUT_BODY.includes(statusCode), {
		path: ['body'],
		error: `must be left out for a status of ${WITHOUT_BODY.join(', ')}`,
	})
	.overwrite((spec) => (spec.body && spec.contentType === undefined ? { ...spec, contentType: PLAIN_TEXT } : spec))

export const DirectResponse = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('DirectResponse'),
		metadata: Metadata,
		spec: DirectResponseSpec,
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'DirectResponse',
		description: "Named by an ExtensionRef filter of a rule: answers the rule's requests without a backend.",
	})
export type DirectResponse = z.infer<typeof DirectResponse>
