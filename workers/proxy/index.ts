/** The data plane's entry: plugs the platform into the pipeline, once per isolate, and hands every request to it. */
import type { KeyRingPort, SnapshotReplicaPort, TelemetryStorePort } from '../../src/ports.ts'
import { createKnowledge } from '../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../src/proxy/knowledge/routingTable.ts'
import { createObserver } from '../../src/proxy/observing/observe.ts'
import { reporter } from '../../src/proxy/observing/reporting.ts'
import { pipeline, type Serve } from '../../src/proxy/pipeline.ts'
import type { ProxyPorts } from '../../src/proxy/ports.ts'
import { type Place, placement, regionOf } from '../../src/region.ts'
import { clientCertificate } from './clientCertificate.ts'
import { controlPlane, delegate, issuerKeys } from './controlPlane.ts'
import { pipe, send } from './send.ts'

export interface ProxyEnv {
	readonly MESH_DOMAIN: string
	/** Empty where the platform says where a request arrived. */
	readonly REGION?: string
	/** `any` where requests that are passed through may name loopback and IP literals. */
	readonly ENDPOINT_ADDRESSES?: string
	/** Where callers reach the mesh; empty where that is not known, and the port that a caller names then tells nothing. */
	readonly OWN_PORT?: string
	/** `on` where the edge asks clients for certificates. To look for one costs each request a parse of `request.cf`. */
	readonly CLIENT_CERTIFICATES?: string
	/** 0–1. */
	readonly ACCESS_LOG_SAMPLE_RATE?: string
	readonly SNAPSHOT_REPLICA: { getByName(region: string, options?: object): SnapshotReplicaPort }
	readonly KEY_RING: { getByName(name: string): Pick<KeyRingPort, 'delegate' | 'issuerKeys'> }
	readonly TELEMETRY_STORE: { getByName(region: string, options?: object): TelemetryStorePort }
}

let serve: Serve | undefined

export default {
	fetch(request: Request, env: ProxyEnv, context: ExecutionContext): Promise<Response> {
		// An isolate serves one location: the first request tells which.
		serve ??= start(env, env.REGION || regionOf(request.cf as Place | undefined))
		return serve(request, context)
	},
}

function start(env: ProxyEnv, region: string): Serve {
	const options = placement(region)
	const addresses = env.ENDPOINT_ADDRESSES === 'any' ? 'any' : 'names'
	const ownPort = env.OWN_PORT ? Number(env.OWN_PORT) : undefined
	const table = createRoutingTable(env.MESH_DOMAIN, Math.random, addresses, ownPort, { region, now: Date.now })
	const knowledge = createKnowledge(
		table,
		controlPlane(() => env.SNAPSHOT_REPLICA.getByName(region, options), region),
		Date.now(),
		Math.random,
	)
	const isolate = crypto.randomUUID()
	const ports: Omit<ProxyPorts, 'observe'> = {
		now: Date.now,
		random: Math.random,
		send,
		wait: (ms) => scheduler.wait(ms),
		pipe,
		report: (error) =>
			console.error(JSON.stringify({ event: 'bug', error: String(error), stack: (error as Error)?.stack })),
		// The edge writes this field itself, over whatever a client sends.
		clientAddress: (request) => request.headers.get('cf-connecting-ip') ?? '',
		clientCertificate: env.CLIENT_CERTIFICATES === 'on' ? clientCertificate : () => undefined,
		delegate: (jwk) => delegate(env.KEY_RING.getByName('mesh'), isolate, region, jwk),
		issuerKeys: (source, kid) => issuerKeys(env.KEY_RING.getByName('mesh'), source, kid),
	}
	const observer = createObserver(
		knowledge,
		{
			isolate,
			region,
			accessLogSampleRate: Number(env.ACCESS_LOG_SAMPLE_RATE ?? 0),
			log: console.log,
		},
		ports,
	)
	const reportSoon = reporter({
		take: () => observer.reportWithSamples(Date.now()),
		send: (report) => env.TELEMETRY_STORE.getByName(region, options).report(region, report),
		learn: (answer) => observer.learn(answer, Date.now()),
		isUrgent: observer.isUrgent,
		wait: (ms) => scheduler.wait(ms),
	})
	const run = pipeline(knowledge, { ...ports, observe: observer.observe })
	return (request, scope) => {
		reportSoon(Date.now(), scope)
		return run(request, scope)
	}
}
