/** Counts what is refused in this isolate, for the audit log: told to the store a second later, together. */
import type { RefusalCount } from '../../src/ports.ts'
import type { Mesh } from './mesh.ts'

const TOLD_AFTER_MS = 1000
/** Of one second. Whoever is one more is counted with others. */
const MAX_COUNTED = 500
const OTHERS = '*'

export type Tally = (refused: Omit<RefusalCount, 'count'>) => void

export function createTally(mesh: Mesh): Tally {
	let counts = new Map<string, RefusalCount>()

	/** What cannot be told is lost: no request waits for it, and nobody is let in by it. */
	async function tell(): Promise<void> {
		const told = [...counts.values()]
		counts = new Map()
		await mesh
			.policyStore()
			.refused(told)
			.catch(() => {})
	}

	return (refused) => {
		if (counts.size === 0) mesh.afterwards(TOLD_AFTER_MS, tell)
		const known = counts.has(keyOf(refused)) || counts.size < MAX_COUNTED
		const counted = known ? refused : { ...refused, network: OTHERS, actor: OTHERS }
		const count = (counts.get(keyOf(counted))?.count ?? 0) + 1
		counts.set(keyOf(counted), { ...counted, count })
	}
}

const keyOf = ({ what, network, actor }: Omit<RefusalCount, 'count'>): string => `${what} ${network} ${actor}`
