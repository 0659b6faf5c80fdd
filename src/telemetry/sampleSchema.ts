/** What samples must look like to be kept. They are read by whoever tries out a policy: nothing gets in that was not thought of here. */
import { z } from 'zod'
import type { SampleBatch } from '../ports.ts'

/** Of a report: what an isolate takes at most between two. */
const MAX_SAMPLES = 150
const MAX_HEADERS = 32
const MAX_CLAIMS = 64
const MAX_DEPTH = 5
const MAX_AUDIENCES = 16

const Digest = z.string().regex(/^[0-9a-f]{16}$/)
const Name = z.string().max(1_024)
const Field = z.string().min(1).max(128)
const Yes = z.literal(true).exactOptional()

const Caller = z.object({ spiffeId: Name, namespace: Name.exactOptional(), workload: Name.exactOptional() })

const User = z.object({
	issuer: Name,
	principal: Digest,
	audiences: z.array(Digest).max(MAX_AUDIENCES),
	presenter: Digest.exactOptional(),
	isOfSeveral: Yes,
	claims: z
		.array(z.tuple([z.array(z.string().max(128)).min(1).max(MAX_DEPTH), z.array(Digest).min(1).max(MAX_CLAIMS)]))
		.max(MAX_CLAIMS),
	claimsCut: Yes,
})

const Sample = z.object({
	at: z.number().nonnegative(),
	service: Name.min(1),
	rule: Name,
	method: z.string().max(32),
	host: z.string().max(255),
	port: z.int().min(0).max(65_535),
	path: z.string().max(256),
	pathCut: Yes,
	ambiguous: z.string().max(128).exactOptional(),
	query: Yes,
	caller: Caller.exactOptional(),
	network: z.string().max(64),
	user: User.exactOptional(),
	workloadIssuer: Digest.exactOptional(),
	refusedUser: z.object({ issuer: Digest.exactOptional() }).exactOptional(),
	headers: z.array(z.tuple([Field, Digest.nullable()])).max(MAX_HEADERS),
	headersCut: Yes,
	allowed: z.boolean(),
})

export const SampleBatchSchema: z.ZodType<SampleBatch> = z.object({
	key: z.string().regex(/^[0-9a-f]{64}$/),
	samples: z.array(Sample).max(MAX_SAMPLES),
})
