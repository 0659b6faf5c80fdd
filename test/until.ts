/** Waits for what comes true in its own time, as in objects that answer before their work is done. */

// Taken before a test puts a clock of its own in their place: fake time stands still while tests wait.
const pause = setTimeout
const now = performance.now.bind(performance)

/** Decides only when a test fails: no machine is so loaded that what will come has not come by then. */
const PATIENCE_MS = 20_000
const INTERVAL_MS = 2

export async function until(holds: () => unknown): Promise<void> {
	const deadline = now() + PATIENCE_MS
	while (!(await holds())) {
		if (now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${holds}`)
		await new Promise((resolve) => pause(resolve, INTERVAL_MS))
	}
}
