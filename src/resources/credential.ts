/** A service's credential: which secret the mesh adds to each request, and where, so that callers need to know none. */
import { z } from 'zod'
import { RequestFieldName } from './headerEdits.ts'
import { HeaderName, SubdomainName } from './scalars.ts'
import { SecretKey } from './secret.ts'

/** Fields that the mesh or the platform writes after a credential is added: a secret there would be lost. */
const WRITTEN_LATER = /^(cdn-loop|cf-.*|forwarded|traceparent|tracestate|via|x-forwarded-.*)$/

const SecretRef = z.strictObject({ name: SubdomainName, key: SecretKey }).meta({
	description: "An entry of a Secret in the Service's namespace.",
})

const ApiKey = z
	.strictObject({
		in: z.enum(['header', 'query']).default('header'),
		name: HeaderName,
		secretRef: SecretRef,
	})
	.superRefine((key, context) => {
		if (key.in === 'query' || !HeaderName.safeParse(key.name).success) return
		const message = WRITTEN_LATER.test(key.name.toLowerCase())
			? `must not be '${key.name}': the mesh or the platform writes it`
			: RequestFieldName.safeParse(key.name).error?.issues[0]?.message
		if (message !== undefined) context.addIssue({ code: 'custom', path: ['name'], message })
	})

/** RFC 7617 §2: the first colon ends it. */
const Username = z
	.string()
	.min(1)
	.max(255)
	.regex(/^[^:\p{Cc}]*$/u, { error: "must not contain ':' or control characters (RFC 7617)" })

export const Credential = z
	.strictObject({
		bearer: z.strictObject({ secretRef: SecretRef }).exactOptional(),
		basic: z.strictObject({ username: Username, secretRef: SecretRef }).exactOptional(),
		apiKey: ApiKey.exactOptional(),
	})
	.refine((credential) => Object.keys(credential).length === 1, { error: 'must have one of bearer, basic, apiKey' })
	.meta({ description: 'What the mesh adds to each request, instead of what the caller sends there.' })
export type Credential = z.infer<typeof Credential>
