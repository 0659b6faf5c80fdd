/** Workloads that another platform vouches for: its issuer, and what the claims of its tokens must say. */
import { z } from 'zod'
import { LabelName } from './scalars.ts'
import { distinct } from './unique.ts'

const MAX_CLAIMS = 32

const Text = z.string().min(1).max(1_024)

/** 1 to 8 of whom a token may be meant for. */
export const Audiences = z.array(Text).min(1).max(8).superRefine(distinct('audience'))

/** A JSON Pointer (RFC 6901) is what begins with `/`; everything else is the name of a claim, dots and all. */
const ClaimName = z
	.string()
	.min(1)
	.max(256)
	.refine((name) => !name.startsWith('/') || /^(\/([^~/]|~[01])+){1,8}$/.test(name), {
		error:
			"must be the name of a claim, or a JSON Pointer of 1 to 8 steps, e.g. /kubernetes.io/namespace, in which '/' is written ~1 and '~' is written ~0",
	})

/** `repo:octo` would fit `repo:octopus/…`, which anybody may own. */
const Prefix = Text.regex(/[^\p{L}\p{N}]$/u, {
	error: "must end with a delimiter such as '/' or ':', or names that merely begin alike would fit",
})

const Expected = z.union(
	[
		Text,
		z.strictObject({
			anyOf: z.array(Text).min(1).max(64).superRefine(distinct('value')),
		}),
		z.strictObject({ prefix: Prefix }),
	],
	{ error: 'must be a string of 1 to 1,024 characters, {anyOf: [strings]} or {prefix: string}' },
)

const elsewhere: Readonly<Record<string, string>> = {
	iss: 'must be left out: issuer says it',
	aud: 'must be left out: audiences says it',
	...Object.fromEntries(
		['exp', 'nbf', 'iat', 'jti'].map((claim) => [claim, 'must be left out: it differs from token to token']),
	),
}

const Claims = z
	.record(ClaimName, Expected)
	.superRefine((claims, context) => {
		const count = Object.keys(claims).length
		if (count === 0 || count > MAX_CLAIMS)
			context.addIssue({ code: 'custom', message: `must have 1 to ${MAX_CLAIMS} entries` })
		for (const claim of Object.keys(claims))
			if (Object.hasOwn(elsewhere, claim))
				context.addIssue({ code: 'custom', path: [claim], message: elsewhere[claim]! })
	})
	.meta({
		description:
			"All must hold. By the claim's name or, when it begins with '/', by JSON Pointer (RFC 6901): /kubernetes.io/serviceaccount/name. A list holds where one of its members does; true, false and whole numbers are compared as they are written.",
	})

const KubernetesServiceAccounts = z.strictObject({
	names: z
		.array(LabelName)
		.min(1)
		.max(64)
		.superRefine(distinct('name'))
		.exactOptional()
		.meta({ description: 'Only these; all of the namespace when left out.' }),
})

/**
 * Issuers that vouch for the whole world, and the claims that tell whose workload a token is of. Without one of these anybody's would fit.
 * https://docs.github.com/actions/reference/security/oidc, https://docs.gitlab.com/ci/secrets/id_token_authentication/,
 * https://developers.google.com/identity/openid-connect/reference
 */
const WHOSE: Readonly<Record<string, readonly string[]>> = {
	'https://token.actions.githubusercontent.com': [
		'sub',
		'repository',
		'repository_id',
		'repository_owner',
		'repository_owner_id',
	],
	'https://gitlab.com': ['sub', 'project_id', 'project_path', 'namespace_id', 'namespace_path'],
	'https://accounts.google.com': ['sub', 'email'],
}

export const Oidc = z
	.strictObject({
		issuer: z.string().meta({
			description:
				"Equal to the tokens' iss, letter by letter: an https URL without credentials, query or fragment, at most 2,048 characters.",
		}),
		audiences: Audiences.meta({ description: 'A token must be meant for one of them.' }),
		jwksUri: z.string().exactOptional().meta({
			description: "Where the issuer's keys are; found by OpenID Connect Discovery when left out.",
		}),
		claims: Claims.exactOptional(),
		kubernetesServiceAccounts: KubernetesServiceAccounts.exactOptional().meta({
			description:
				"Service accounts of the Kubernetes namespace that is called as this resource's namespace: sub is system:serviceaccount:<namespace>:<name>, and <name> the workload.",
		}),
	})
	.superRefine(({ issuer, claims, kubernetesServiceAccounts }, context) => {
		const refuse = (path: readonly string[], message: string) =>
			context.addIssue({ code: 'custom', path: [...path], message })
		if (kubernetesServiceAccounts === undefined && claims === undefined)
			refuse(['claims'], 'is required, unless kubernetesServiceAccounts is given: every token of the issuer would fit')
		if (kubernetesServiceAccounts !== undefined && claims !== undefined && Object.hasOwn(claims, 'sub'))
			refuse(['claims', 'sub'], 'must be left out: kubernetesServiceAccounts says it')
		const whose = WHOSE[issuer]
		if (claims !== undefined && whose !== undefined && !whose.some((claim) => Object.hasOwn(claims, claim)))
			refuse(['claims'], `must have one of ${whose.join(', ')}: this issuer vouches for everybody`)
	})
	.meta({ description: 'A token of an OpenID Connect issuer, exchanged by RFC 8693.' })
