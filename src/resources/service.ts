/** A service of the mesh: its name, and the endpoints that are known beforehand. Others register themselves. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { Credential } from './credential.ts'
import { isInClear } from './endpointUrl.ts'
import { LabelMetadata, Status, withoutStatus } from './metadata.ts'
import { Labels, Weight } from './scalars.ts'
import { repeats } from './unique.ts'

export const MAX_FIXED_ENDPOINTS = 1_000

/** Names one endpoint of its service; part of URLs and of logs. */
export const EndpointId = z
	.string()
	.max(128)
	.regex(/^[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9])?$/, {
		error: "must be letters, digits, '-', '_', '.' and ':', beginning and ending with a letter or digit",
	})

/** Where an endpoint runs, e.g. a location hint such as `weur`. */
export const Locality = z
	.string()
	.max(63)
	.regex(/^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/, {
		error: "must be letters, digits, '-', '_', '.' and '/', beginning and ending with a letter or digit",
	})

const FixedEndpoint = z.strictObject({
	id: EndpointId.exactOptional().meta({ description: '`fixed-<index>` when left out.' }),
	url: z.string().meta({
		description:
			"Absolute http or https URL without credentials, query or fragment, at most 2,048 characters. Its path prefixes every request's.",
	}),
	weight: Weight.default(1),
	labels: Labels.default({}),
	locality: Locality.exactOptional(),
})

const FixedEndpoints = z
	.array(FixedEndpoint)
	.max(MAX_FIXED_ENDPOINTS)
	.transform((endpoints) => endpoints.map((endpoint, index) => ({ ...endpoint, id: endpoint.id ?? `fixed-${index}` })))
	.superRefine((endpoints, context) => {
		for (const { index, first } of repeats(endpoints, ({ id }) => id))
			context.addIssue({
				code: 'custom',
				path: [index, 'id'],
				message: `must be unique: endpoint ${first} has this id`,
			})
	})

/** The service's host is one DNS label below the mesh domain, and `admin` is the control plane's. */
const ServiceMetadata = LabelMetadata.superRefine(({ name, namespace }, context) => {
	const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['name'], message })
	if (namespace === 'default' && name === 'admin')
		refuse("must not be 'admin' in namespace default: that host is the control plane's")
	if (namespace !== 'default' && name.length + namespace.length + 2 > 63)
		refuse("must be shorter: '<name>--<namespace>' is one DNS label of at most 63 characters")
})

const ServiceSpec = z
	.strictObject({
		endpoints: FixedEndpoints.exactOptional(),
		external: z.boolean().exactOptional().meta({
			description: 'Outside the mesh: it is told nothing of who calls.',
		}),
		credential: Credential.exactOptional(),
	})
	.superRefine(({ endpoints = [], credential }, context) => {
		if (credential === undefined) return
		for (const [index, { url }] of endpoints.entries())
			if (isInClear(url))
				context.addIssue({
					code: 'custom',
					path: ['endpoints', index, 'url'],
					message: 'must be https:// in a service with a credential: http would carry the secret in clear text',
				})
	})

export const Service = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('Service'),
		metadata: ServiceMetadata,
		spec: ServiceSpec.default({}),
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'Service',
		description:
			'A service, called at https://<name>.<mesh domain>/ (https://<name>--<namespace>.<mesh domain>/ outside namespace default). Its endpoints are listed here or register themselves.',
	})
export type Service = z.infer<typeof Service>
