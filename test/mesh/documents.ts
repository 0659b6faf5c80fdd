/** Resources of meshes under test, as short as they can be. */

export const service = (name: string, url: string | readonly string[], namespace = 'default') => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name, namespace },
	spec: { endpoints: [url].flat().map((one, i) => ({ id: `e${i}`, url: one })) },
})

export const gateway = (name: string, hostname: string) => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'Gateway',
	metadata: { name },
	spec: { gatewayClassName: 'selvedge', listeners: [{ name: 'http', hostname, port: 80, protocol: 'HTTP' }] },
})

interface BackendRef {
	readonly name: string
	readonly namespace?: string
	readonly weight?: number
}

/** A route of a Gateway with one rule for everything. */
export const route = (name: string, parent: string, ...backends: readonly BackendRef[]) => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name },
	spec: {
		parentRefs: [{ name: parent }],
		rules: [{ name: 'all', backendRefs: backends.map((backend) => ({ port: 80, ...backend })) }],
	},
})

export const grant = (name: string, namespace: string) => ({
	apiVersion: 'gateway.networking.k8s.io/v1beta1',
	kind: 'ReferenceGrant',
	metadata: { name, namespace },
	spec: {
		from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'default' }],
		to: [{ group: '', kind: 'Service' }],
	},
})
