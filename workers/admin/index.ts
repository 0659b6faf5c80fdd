/** The control plane's Worker: the admin API, and the home of every Durable Object class. */
import { waitUntil } from 'cloudflare:workers'
import { createApp } from './app.ts'
import { type Env, meshOf } from './env.ts'
import { errorReporter } from './reportError.ts'

export { KeyRing } from '../../durable-objects/keyRing/keyRing.ts'
export { PolicyStore } from '../../durable-objects/policyStore/policyStore.ts'
export { ServiceRegistry } from '../../durable-objects/serviceRegistry/serviceRegistry.ts'
export { SnapshotReplica } from '../../durable-objects/snapshotReplica/snapshotReplica.ts'
export { TelemetryStore } from '../../durable-objects/telemetryStore/telemetryStore.ts'

type App = ReturnType<typeof createApp>

/** One per isolate; it holds no request's objects, only what it remembers of tokens. */
let app: App | undefined

function appOf(env: Env): App {
	const report = errorReporter(env.SENTRY_DSN)
	return createApp(meshOf(env, waitUntil, (error, request, id) => report({ waitUntil }, error, request, id)))
}

export default {
	fetch(request: Request, env: Env): Response | Promise<Response> {
		app ??= appOf(env)
		return app.fetch(request, env)
	},
}
