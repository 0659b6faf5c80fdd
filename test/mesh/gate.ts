/** A Worker between proxies and the control plane that can be shut: calls then fail, or get no answer, while proxies live on. */
import type { V4WorkerOptions } from 'miniflare'

const script = `
import { DurableObject } from 'cloudflare:workers'

class Gated extends DurableObject {
	mode = 'open'
	async set(mode) { this.mode = mode }
	async pass(namespace, method, region, args) {
		if (this.mode === 'throw') throw new Error('the gate is shut')
		if (this.mode === 'hang') await scheduler.wait(60_000)
		return this.env[namespace].getByName(region)[method](...args)
	}
}

export class GatedReplica extends Gated {
	sync(region, ...args) { return this.pass('REPLICA', 'sync', region, [region, ...args]) }
	load(region, ...args) { return this.pass('REPLICA', 'load', region, [region, ...args]) }
}

export class GatedTelemetry extends Gated {
	report(region, ...args) { return this.pass('TELEMETRY', 'report', region, [region, ...args]) }
}

export class GatedKeyRing extends Gated {
	delegate(...args) { return this.pass('KEYS', 'delegate', 'mesh', args) }
}

export default {
	async fetch(request, env) {
		const [, region, mode] = new URL(request.url).pathname.split('/')
		for (const namespace of [env.GATED_REPLICA, env.GATED_TELEMETRY]) await namespace.getByName(region).set(mode)
		await env.GATED_KEYS.getByName('mesh').set(mode)
		return new Response(null, { status: 204 })
	},
}
`

/** The binding of a proxy to a gated class. */
export const gateWorker = (className: 'GatedReplica' | 'GatedTelemetry' | 'GatedKeyRing') => ({
	className,
	scriptName: 'gate',
	useSQLite: true,
})

export const gateScript: V4WorkerOptions = {
	name: 'gate',
	modules: true,
	script,
	compatibilityDate: '2026-10-20',
	durableObjects: {
		GATED_REPLICA: { className: 'GatedReplica', useSQLite: true },
		GATED_TELEMETRY: { className: 'GatedTelemetry', useSQLite: true },
		GATED_KEYS: { className: 'GatedKeyRing', useSQLite: true },
		REPLICA: { className: 'SnapshotReplica', scriptName: 'selvedge-admin', useSQLite: true },
		TELEMETRY: { className: 'TelemetryStore', scriptName: 'selvedge-admin', useSQLite: true },
		KEYS: { className: 'KeyRing', scriptName: 'selvedge-admin', useSQLite: true },
	},
}
