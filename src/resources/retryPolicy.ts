/** What a rule's `retry` may try again beyond what is always safe. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { firstOfEach } from './unique.ts'

const Method = z
	.string()
	.max(64)
	.regex(/^[A-Z][A-Z0-9_-]*$/, { error: 'must be an HTTP method in upper case' })
	.refine((method) => method !== 'CONNECT', { error: 'must not be CONNECT: a tunnel cannot be sent again' })

const RetryPolicySpec = z.strictObject({
	methods: z
		.array(Method)
		.max(16)
		.default([])
		.overwrite(firstOfEach((method) => method))
		.meta({
			description: 'Methods that are tried again although they are not idempotent (RFC 9110 §9.2.2), e.g. POST.',
		}),
	maxBodyBytes: z.int().min(0).max(1_048_576).default(65_536).meta({
		description: 'Requests with longer bodies, or with bodies of unknown length, are sent once.',
	}),
})

export const RetryPolicy = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('RetryPolicy'),
		metadata: Metadata,
		spec: RetryPolicySpec.prefault({}),
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'RetryPolicy',
		description: "Named by an ExtensionRef filter of a rule: widens what the rule's retry tries again.",
	})
export type RetryPolicy = z.infer<typeof RetryPolicy>
