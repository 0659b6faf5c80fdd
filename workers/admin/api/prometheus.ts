/** Service discovery for Prometheus (https://prometheus.io/docs/prometheus/latest/http_sd/). */
import { serviceName } from '../../../src/names.ts'
import type { CatalogEntry } from '../../../src/ports.ts'
import type { Endpoint } from '../../../src/snapshot/snapshot.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { catalog } from './catalog.ts'

/** One target group: an endpoint, with what is known about it as meta labels to relabel by. */
interface TargetGroup {
	readonly targets: readonly string[]
	readonly labels: Readonly<Record<string, string>>
}

/** Every endpoint that takes traffic. Prometheus wants them all in one answer. */
export async function prometheus({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const groups: TargetGroup[] = []
	for await (const entry of catalog(mesh, mesh.regionOf(request), principal)) {
		for (const endpoint of entry.endpoints) groups.push(targetGroup(entry, endpoint))
	}
	return json(groups)
}

/** Label names are letters, digits and underscores. */
const sanitized = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_')

function targetGroup({ namespace, name, host }: CatalogEntry, endpoint: Endpoint): TargetGroup {
	const url = new URL(endpoint.url)
	const scheme = url.protocol.slice(0, -1)
	const port = url.port === '' ? (scheme === 'https' ? '443' : '80') : url.port
	const labels: Record<string, string> = {
		__scheme__: scheme,
		__meta_selvedge_service: serviceName(namespace, name),
		__meta_selvedge_service_name: name,
		__meta_selvedge_namespace: namespace,
		__meta_selvedge_host: host,
		__meta_selvedge_endpoint: endpoint.id,
		__meta_selvedge_endpoint_url: endpoint.url,
	}
	if (endpoint.locality !== undefined) labels.__meta_selvedge_locality = endpoint.locality
	for (const [key, value] of Object.entries(endpoint.labels ?? {})) {
		labels[`__meta_selvedge_endpoint_label_${sanitized(key)}`] = value
	}
	return { targets: [`${url.hostname}:${port}`], labels }
}
