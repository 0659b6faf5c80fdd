/** Who decides for CUSTOM policies: services that are asked over HTTP whether a request may go on, as Istio's MeshConfig names them. */
import { z } from 'zod'
import { FieldValue, ResponseFieldName } from './headerEdits.ts'
import { durationBetween, LabelName, ObjectName, Port } from './scalars.ts'
import { unique } from './unique.ts'
import { notOffered, unsupported } from './unsupported.ts'
import { ownerOfUpstreamField, UpstreamField } from './upstreamField.ts'
import { checkPath } from './urlPath.ts'

/** Istio's own defaults, but for the time: 600 s of waiting would outlive most clients. */
const TIMEOUT = '5s'
const STATUS_ON_ERROR = 403
const MAX_BODY_BYTES = 1_048_576
const STATUS = 'must be a status from 400 to 599'
const PORT = 'must be a port from 1 to 65535'

/** `<namespace>/<name>`, whichever way it was written. */
const ServiceText = z
	.string()
	.max(253)
	.transform((text, context) => {
		const [, name, namespace] = /^([^./]+)\.([^./]+)\.svc(?:\.cluster\.local)?$/.exec(text) ?? []
		const service = name === undefined ? text : `${namespace}/${name}`
		const parts = service.split('/')
		if (parts.length === 2 && parts.every((part) => LabelName.safeParse(part).success)) return service
		const message = 'must be a Service as <namespace>/<name> or <name>.<namespace>.svc.cluster.local'
		context.addIssue({ code: 'custom', message })
		return z.NEVER
	})
	.meta({ description: 'A Service of the mesh: <namespace>/<name>, or <name>.<namespace>.svc.cluster.local.' })

/** `abc`, `abc*` or `*abc`. What a pattern names of the mesh's own fields is passed over where it is used. */
const fieldPatterns = (ownerOf: (name: string) => string | undefined) =>
	z
		.array(
			z
				.string()
				.max(256)
				.regex(/^(\*?[A-Za-z0-9!#$%&'+\-.^_`|~]+|[A-Za-z0-9!#$%&'+\-.^_`|~]+\*)$/, {
					error: "must be the name of a field, or the start of one and '*', or '*' and the end of one",
				})
				.superRefine((pattern, context) => {
					const message = pattern.includes('*') ? undefined : ownerOf(pattern)
					if (message !== undefined) context.addIssue({ code: 'custom', message })
				}),
		)
		.max(64)
		.default([])

const free = (): undefined => undefined
const ownerOfResponseField = (name: string): string | undefined =>
	ResponseFieldName.safeParse(name).error?.issues[0]?.message

const AdditionalFields = z
	.record(
		UpstreamField,
		FieldValue.refine((value) => !value.includes('%'), {
			error: "must not contain '%': Envoy's variables are not known here",
		}),
	)
	.superRefine((fields, context) => {
		const names = Object.keys(fields)
		if (names.length > 16) context.addIssue({ code: 'custom', message: 'must have at most 16 entries' })
		const repeated = names.filter((name, i) => names.findIndex((other) => isSame(other, name)) < i)
		for (const name of repeated)
			context.addIssue({ code: 'custom', path: [name], message: 'must be unique: another entry names this field' })
	})

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

const Body = z.strictObject({
	maxRequestBytes: z.int().min(1).max(MAX_BODY_BYTES),
	allowPartialMessage: z.boolean().default(false).meta({
		description: 'Whether it gets the beginning of longer bodies; otherwise these requests are refused with 413.',
	}),
})
unsupported.add(Body, {
	packAsBytes: notOffered('packAsBytes', 'it is for gRPC; over HTTP the body is bytes'),
})

/** A text in Istio. */
const StatusOnError = z
	.union([z.int(), z.string()], { error: STATUS })
	.refine((status) => /^[45]\d\d$/.test(String(status)), { error: STATUS })
	.transform(Number)

/** Istio's own examples write it as a text. */
const ServicePort = z
	.union([z.int(), z.string()], { error: PORT })
	.refine((port) => Port.safeParse(Number(port)).success && /^[0-9]+$/.test(String(port)), { error: PORT })
	.transform(Number)

const PathPrefix = z
	.string()
	.max(1_024)
	.superRefine((path, context) => {
		const message = path === '' ? undefined : checkPath(path)
		if (message !== undefined) context.addIssue({ code: 'custom', message })
	})

const ExtAuthzHttp = z.strictObject({
	service: ServiceText,
	port: ServicePort.exactOptional().meta({ description: "Accepted as Istio's; a Service of the mesh has none." }),
	timeout: durationBetween('1ms', '1m').default(TIMEOUT),
	pathPrefix: PathPrefix.default('').meta({ description: "Goes before the request's own path." }),
	failOpen: z.boolean().default(false).meta({
		description: 'Whether requests go on when it does not answer, or answers 5xx.',
	}),
	statusOnError: StatusOnError.default(STATUS_ON_ERROR).meta({
		description: 'What is answered when it does not answer, unless failOpen.',
	}),
	includeRequestHeadersInCheck: fieldPatterns(free).meta({
		description: 'Fields that it gets, beside Authorization: exact, abc* or *abc.',
	}),
	includeAdditionalHeadersInCheck: AdditionalFields.default({}),
	includeRequestBodyInCheck: Body.exactOptional(),
	headersToUpstreamOnAllow: fieldPatterns(ownerOfUpstreamField).meta({
		description: "Fields of its answer that the service gets, instead of the client's.",
	}),
	headersToDownstreamOnAllow: fieldPatterns(ownerOfResponseField).meta({
		description: 'Fields of its answer that the client gets when it allows.',
	}),
	headersToDownstreamOnDeny: fieldPatterns(ownerOfResponseField).meta({
		description: 'Fields of its refusal that the client gets; all when left out.',
	}),
})
unsupported.add(ExtAuthzHttp, {
	includeHeadersInCheck: notOffered('includeHeadersInCheck', 'use includeRequestHeadersInCheck, which replaced it'),
	clearRouteCache: notOffered('clearRouteCache', 'a route is chosen before it is asked, and stays chosen'),
})

export const ExtensionProvider = z.strictObject({ name: ObjectName, envoyExtAuthzHttp: ExtAuthzHttp })
unsupported.add(ExtensionProvider, {
	envoyExtAuthzGrpc: notOffered(
		'envoyExtAuthzGrpc',
		'native gRPC needs HTTP/2 trailers, which a Worker cannot read; use envoyExtAuthzHttp',
	),
})
export type ExtensionProvider = z.infer<typeof ExtensionProvider>

export const ExtensionProviders = z
	.array(ExtensionProvider)
	.max(64)
	.superRefine(
		unique(
			({ name }) => name,
			(first) => `must be unique: provider ${first} has this name`,
			'name',
		),
	)
	.meta({ description: 'Whom AuthorizationPolicies with action CUSTOM may ask.' })
