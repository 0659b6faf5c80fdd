/** The admin Worker's bindings, and the mesh as seen through them. */
import type {
	KeyRingPort,
	PolicyStorePort,
	ServiceRegistryPort,
	SnapshotReplicaPort,
	TelemetryStorePort,
} from '../../src/ports.ts'
import { placement, regionOf } from '../../src/region.ts'
import { accessSettings } from './access/settings.ts'
import type { Mesh } from './mesh.ts'

export interface Env {
	readonly POLICY_STORE: DurableObjectNamespace
	readonly SNAPSHOT_REPLICA: DurableObjectNamespace
	readonly SERVICE_REGISTRY: DurableObjectNamespace
	readonly TELEMETRY_STORE: DurableObjectNamespace
	readonly KEY_RING: DurableObjectNamespace
	readonly MESH_DOMAIN: string
	/** Set where requests carry no place, as in local runs. */
	readonly REGION?: string
	readonly ENDPOINT_ADDRESSES?: string
	/** Where callers reach the proxy; empty where that is not known. */
	readonly OWN_PORT?: string
	/** Secret: the first token. */
	readonly ADMIN_TOKEN?: string
	/** Where this Worker is reached, without a final `/`; empty: `https://admin.<MESH_DOMAIN>`. */
	readonly ISSUER?: string
	/** Both set: logins of Cloudflare Access count beside tokens. See `access/settings.ts`. */
	readonly ACCESS_TEAM_DOMAIN?: string
	readonly ACCESS_AUDIENCE?: string
	/** Secret: what Secrets and signing keys are encrypted under; a comma-separated list while it is rotated. */
	readonly MASTER_KEY?: string
	/** Secret: where to report errors. */
	readonly SENTRY_DSN?: string
}

/** The stubs' methods are the ports' (each class declares that it implements its port); RPC types cannot say so. */
export function meshOf(env: Env, waitUntil: (promise: Promise<unknown>) => void, report: Mesh['report']): Mesh {
	const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
	const access = accessSettings(env.ACCESS_TEAM_DOMAIN, env.ACCESS_AUDIENCE, env.ENDPOINT_ADDRESSES === 'any')
	return {
		policyStore: () => env.POLICY_STORE.getByName('mesh') as unknown as PolicyStorePort,
		replica: (region) => regional(env.SNAPSHOT_REPLICA, region) as unknown as SnapshotReplicaPort,
		registry: (service) => env.SERVICE_REGISTRY.getByName(service) as unknown as ServiceRegistryPort,
		telemetry: (region) => regional(env.TELEMETRY_STORE, region) as unknown as TelemetryStorePort,
		keyRing: () => env.KEY_RING.getByName('mesh') as unknown as KeyRingPort,
		regionOf: (request) => env.REGION || regionOf(request.cf as Parameters<typeof regionOf>[0]),
		settings: {
			meshDomain: env.MESH_DOMAIN,
			issuer: (env.ISSUER || `https://admin.${env.MESH_DOMAIN}`).replace(/\/$/, ''),
			// Anything but an explicit `any` means the strict reading.
			addresses: env.ENDPOINT_ADDRESSES === 'any' ? 'any' : 'names',
			...(env.OWN_PORT ? { ownPort: Number(env.OWN_PORT) } : {}),
			...(env.ADMIN_TOKEN === undefined ? {} : { adminToken: env.ADMIN_TOKEN }),
			...(env.MASTER_KEY === undefined ? {} : { masterKey: env.MASTER_KEY }),
			...(access === undefined ? {} : { access }),
		},
		now: () => Date.now(),
		sleep,
		afterwards: (ms, work) => waitUntil(sleep(ms).then(work)),
		fetch: (url, init) => fetch(url, init),
		report,
	}
}

const regional = (namespace: DurableObjectNamespace, region: string): DurableObjectStub =>
	namespace.getByName(region, placement(region))
