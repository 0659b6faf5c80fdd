/** A Gateway's listener: a hostname that the mesh answers for, and whose routes may attach to it. */
import { z } from 'zod'
import { LabelSelector } from './labelSelector.ts'
import { Group, Hostname, KindName, LabelName, ObjectName, Port, QualifiedName, SubdomainName } from './scalars.ts'
import { notOffered, unsupported } from './unsupported.ts'

const PROTOCOL =
	/^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9]+)$/

const AllowedRoutes = z.strictObject({
	namespaces: z
		.strictObject({
			from: z.enum(['All', 'Selector', 'Same', 'None']).default('Same'),
			selector: LabelSelector.exactOptional(),
		})
		.refine(({ from, selector }) => from !== 'Selector' || selector !== undefined, {
			path: ['selector'],
			error: "is required when 'from' is Selector",
		})
		.prefault({}),
	kinds: z
		.array(z.strictObject({ group: Group.default('gateway.networking.k8s.io'), kind: KindName }))
		.max(8)
		.default([])
		.meta({ description: 'Kinds of routes that may attach; empty means those that suit the protocol.' }),
})

const CertificateRef = z.strictObject({
	group: Group.default(''),
	kind: KindName.default('Secret'),
	name: ObjectName,
	namespace: LabelName.exactOptional(),
})

/** TLS ends at the platform's edge with the zone's certificate: certificateRefs and options are kept and not used. */
const Tls = z
	.strictObject({
		mode: z.enum(['Terminate', 'Passthrough']).default('Terminate'),
		certificateRefs: z.array(CertificateRef).max(64).default([]),
		options: z
			.record(QualifiedName, z.string().max(4_096))
			.refine((options) => Object.keys(options).length <= 16, { error: 'must have at most 16 entries' })
			.default({}),
	})
	.register(unsupported, {
		frontendValidation: notOffered(
			'frontendValidation',
			'client certificates are checked where TLS ends, at the platform',
		),
	})

/** https://gateway-api.sigs.k8s.io/reference/spec/#listener */
export const Listener = z
	.strictObject({
		name: SubdomainName,
		hostname: Hostname.exactOptional().meta({ description: 'Hosts to answer for; without one, all.' }),
		port: Port,
		protocol: z
			.string()
			.max(255)
			.regex(PROTOCOL, { error: "must be HTTP, HTTPS or another protocol's name, e.g. example.com/name" })
			.meta({ description: 'HTTP and HTTPS are served; the status of listeners with other protocols says so.' }),
		tls: Tls.exactOptional(),
		allowedRoutes: AllowedRoutes.prefault({}),
	})
	.superRefine(({ protocol, tls, hostname }, context) => {
		const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
		if (tls !== undefined && ['HTTP', 'TCP', 'UDP'].includes(protocol))
			refuse(['tls'], `must be left out for protocol ${protocol}`)
		if (protocol === 'HTTPS' && tls !== undefined && tls.mode !== 'Terminate')
			refuse(['tls', 'mode'], 'must be Terminate for protocol HTTPS')
		if (protocol === 'TLS' && tls === undefined) refuse(['tls'], 'is required for protocol TLS')
		if (hostname !== undefined && ['TCP', 'UDP'].includes(protocol))
			refuse(['hostname'], `must be left out for protocol ${protocol}`)
	})
export type Listener = z.infer<typeof Listener>
