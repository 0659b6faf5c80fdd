/** The mesh's clock: once a minute it mends what an alarm or a push may have missed. It answers no requests. */
import { type WatchdogEnv, watch } from './watchdog.ts'

export default {
	async scheduled(_controller, env): Promise<void> {
		await watch(env, (line) => console.error(JSON.stringify(line)))
	},
} satisfies ExportedHandler<WatchdogEnv>
