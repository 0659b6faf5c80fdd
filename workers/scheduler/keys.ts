/** The keys' clock: has the KeyRing rotate what is due, and says early when a rotation does not succeed. */
import type { KeyPurpose, KeyRingPort } from '../../src/ports.ts'
import { within } from './within.ts'

export interface KeysEnv {
	readonly KEY_RING: { getByName(name: string): Pick<KeyRingPort, 'tick'> }
}

/** One line of the log. Without a purpose: the ring could not be asked at all. */
export interface KeyRotationFailure {
	readonly event: 'key_rotation_failed'
	readonly purpose?: KeyPurpose
	/** In a row. */
	readonly failures?: number
	/** Until then the key in use would have been replaced. */
	readonly nextRotationAt?: string
	readonly error: string
}

const TIMEOUT_MS = 20_000

/** Never throws: a failure is logged, and the next minute tries again. */
export async function turnKeys(env: KeysEnv, log: (failure: KeyRotationFailure) => void): Promise<void> {
	try {
		const { purposes } = await within(TIMEOUT_MS, env.KEY_RING.getByName('mesh').tick())
		for (const { purpose, failures, lastFailure, nextRotationAt } of purposes)
			if (failures > 0)
				log({ event: 'key_rotation_failed', purpose, failures, nextRotationAt, error: lastFailure ?? 'unknown' })
	} catch (error) {
		log({ event: 'key_rotation_failed', error: String(error) })
	}
}
