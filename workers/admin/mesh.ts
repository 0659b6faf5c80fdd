/** What the admin API needs from outside: the mesh's Durable Objects, its settings, and the machine's clock. */
import type { ServiceName } from '../../src/names.ts'
import type {
	KeyRingPort,
	PolicyStorePort,
	ServiceRegistryPort,
	SnapshotReplicaPort,
	TelemetryStorePort,
} from '../../src/ports.ts'
import type { AccessSettings } from './access/settings.ts'

/** Each call makes a new stub: stubs belong to the request that made them and are broken after an infrastructure error. */
export interface Mesh {
	policyStore(): PolicyStorePort
	replica(region: string): SnapshotReplicaPort
	registry(service: ServiceName): ServiceRegistryPort
	telemetry(region: string): TelemetryStorePort
	keyRing(): KeyRingPort
	/** The region whose replica answers this request. */
	regionOf(request: Request): string
	readonly settings: Settings
	/** Milliseconds since the epoch. */
	now(): number
	sleep(ms: number): Promise<void>
	/** Does something so much later, and after the answer. What it throws is lost. */
	afterwards(ms: number, work: () => Promise<void>): void
	/** To issuers outside the mesh. */
	fetch(url: string, init: RequestInit): Promise<Response>
	/** Tells whoever runs the mesh about a bug. `id` is what the client was told. */
	report(error: unknown, request: Request, id: string): void
}

export interface Settings {
	readonly meshDomain: string
	/** Where this API is reached, an origin without a final `/`: `iss` of what the mesh signs. Never what only a request says. */
	readonly issuer: string
	/** Whether endpoints may have IP literals and loopback names for addresses. */
	readonly addresses: 'any' | 'names'
	/** Where callers reach the proxy, if that is known. */
	readonly ownPort?: number
	/** The first token, from the secret ADMIN_TOKEN. Without it only tokens made before are good. */
	readonly adminToken?: string
	/** What Secrets are sealed under, from the secret MASTER_KEY. Without it none are accepted. */
	readonly masterKey?: string
	/** Whose logins are good besides tokens. Without it none are. */
	readonly access?: AccessSettings
}
