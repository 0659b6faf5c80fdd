/** The mesh's clock: once a minute it mends what an alarm or a push may have missed, and turns the keys. It answers no requests. */
import { type KeysEnv, turnKeys } from './keys.ts'
import { type WatchdogEnv, watch } from './watchdog.ts'

export default {
	async scheduled(_controller, env): Promise<void> {
		const log = (line: object) => console.error(JSON.stringify(line))
		await Promise.all([watch(env, log), turnKeys(env, log)])
	},
} satisfies ExportedHandler<WatchdogEnv & KeysEnv>
