/** The name of a trust domain. */
import { z } from 'zod'

/** SPIFFE-ID §2.1 and §2.3: at most 255 bytes, whether or not it is a DNS name. */
export const TrustDomain = z
	.string()
	.min(1)
	.max(255)
	.regex(/^[a-z0-9._-]*$/, {
		error:
			"must be a SPIFFE trust domain: lower-case letters, digits, '.', '-' and '_', without spiffe://, port or path",
	})
