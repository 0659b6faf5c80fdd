/** The ring's outbox: tells the control plane's root what is published, until it has taken it over. */
import { acknowledge, reconcile } from '../../src/keys/transitions.ts'
import type { PolicyStorePort } from '../../src/ports.ts'
import { retryDelayMs } from '../../src/registry/retry.ts'
import { within } from '../within.ts'
import type { RingState } from './state.ts'

export type TrustTaker = Pick<PolicyStorePort, 'get' | 'putTrust' | 'trustVersion'>

/** A root that takes longer is told again later. */
const TELL_TIMEOUT_MS = 5_000

export class Publisher {
	readonly #root: () => TrustTaker
	#failures = 0
	#retryAt: number | undefined
	#telling: Promise<boolean> | undefined

	/** `root` makes a new stub for each call: one breaks with an infrastructure error. */
	constructor(root: () => TrustTaker) {
		this.#root = root
	}

	/** When to tell again what is not taken over yet. Infinity: all is. */
	retryAt({ ring }: RingState, now: number): number {
		if (ring.publishedVersion >= ring.version) return Infinity
		this.#retryAt ??= now + retryDelayMs(this.#failures, Math.random())
		return this.#retryAt
	}

	/** Answers when the root has what there is now, or could not be told. One telling serves all who wait. */
	async publish(state: RingState): Promise<void> {
		while (state.ring.publishedVersion < state.ring.version) {
			this.#telling ??= this.#tell(state).finally(() => {
				this.#telling = undefined
			})
			if (!(await this.#telling)) return
		}
	}

	async #tell(state: RingState): Promise<boolean> {
		const { version, trust } = state.published(Date.now())
		try {
			await within(TELL_TIMEOUT_MS, this.#root().putTrust(version, trust))
		} catch (error) {
			this.#retryAt = Date.now() + retryDelayMs(this.#failures++, Math.random())
			console.warn(JSON.stringify({ event: 'trust_not_published', version, error: String(error) }))
			return false
		}
		const now = Date.now()
		state.commit(now, (ring) => acknowledge(ring, version, now))
		this.#failures = 0
		this.#retryAt = undefined
		return true
	}

	/** A root that lost its state is told again; one that knows of a later ring than this is told something newer. */
	async compare(state: RingState): Promise<void> {
		try {
			const theirs = await within(TELL_TIMEOUT_MS, this.#root().trustVersion())
			const now = Date.now()
			state.commit(now, (ring) => reconcile(ring, theirs, now))
		} catch (error) {
			console.warn(JSON.stringify({ event: 'trust_not_compared', error: String(error) }))
		}
	}
}
