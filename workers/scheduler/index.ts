/**
 * The mesh's clock: once a minute it mends what an alarm or a push may have missed, turns the keys, and looks after those of others. It
 * answers no requests.
 */
import { type KeysEnv, turnKeys } from './keys.ts'
import { type OutsideEnv, refreshOutside } from './outside.ts'
import { type WatchdogEnv, watch } from './watchdog.ts'

export default {
	async scheduled(_controller, env): Promise<void> {
		const log = (line: object) => console.error(JSON.stringify(line))
		const outside = { fetch: (url: string, init: RequestInit) => fetch(url, init), now: () => Date.now() }
		await Promise.all([watch(env, log), turnKeys(env, log), refreshOutside(env, outside, log)])
	},
} satisfies ExportedHandler<WatchdogEnv & KeysEnv & OutsideEnv>
