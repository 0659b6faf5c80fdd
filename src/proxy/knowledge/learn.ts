/** What the control plane answers, taken in so that all that an isolate holds is of one moment: no revision is half there. */
import type { Delta, LoadAnswer, LoadRequest } from '../../ports.ts'
import type { Cursor } from '../../snapshot/snapshot.ts'
import type { ControlPlane } from '../ports.ts'
import { applyAnswer, concerned, type RoutingTable } from './routingTable.ts'

export interface Learning {
	readonly table: RoutingTable
	readonly controlPlane: ControlPlane
	/** How many answers have been taken in. */
	taken: number
	/** Under way: all that is held is asked for anew. */
	reloading?: Promise<void> | undefined
}

/** How often one sync or look-up asks anew because the replica, or what is held, moved on in between. */
const MAX_ATTEMPTS = 4
/** What look-ups wait for one that reloads all: it may have belonged to a request that was cancelled. */
const RELOAD_MS = 2_000

/**
 * Takes in what changed of all that is held, and what is asked for. Rejects when the control plane does not answer.
 *
 * An answer that is of another revision than what is held may be half of it, so everything is asked for again; endpoints come and go
 * within a revision. Where the mesh changes faster than that, freshness goes before wholeness. In either case the cursor claims no more
 * than is sure: the next sync brings the rest.
 */
export async function learn(learning: Learning, request?: LoadRequest): Promise<void> {
	const { table } = learning
	for (let attempt = 1; ; attempt++) {
		const { taken } = learning
		const changes = await (table.cursor === undefined
			? firstAnswer(learning, request)
			: changesSince(learning, table.cursor, request, attempt < MAX_ATTEMPTS))
		if (changes === undefined) continue
		const { answer, said } = changes
		const cursors = [said.cursor, answer?.cursor ?? said.cursor]
		const isAlone = learning.taken === taken || table.cursor === undefined
		if (!isAlone) cursors.push(table.cursor!)
		const fits = areSame(cursors) || (isAlone && areOfOneRevision(said, answer))
		if (!fits && attempt < MAX_ATTEMPTS) continue
		if (answer !== undefined) applyAnswer(table, answer)
		// Another history numbers its revisions anew.
		table.revision = said.cursor.epoch === table.cursor?.epoch ? Math.max(table.revision, said.revision) : said.revision
		table.cursor = areSame(cursors) ? said.cursor : oldestOf(cursors)
		learning.taken++
		return
	}
}

interface Changes {
	readonly said: Pick<Delta, 'cursor' | 'revision'>
	readonly answer: Answer | undefined
}

type Answer = Omit<LoadAnswer, 'next'>

async function firstAnswer({ controlPlane }: Learning, request: LoadRequest = {}): Promise<Changes> {
	const answer = await loadAll(controlPlane, request)
	return { said: answer, answer }
}

/**
 * Both are asked for at once: mostly nothing that is held has changed. Undefined: all of it may have, and has been reloaded once for
 * everybody who looks something up meanwhile.
 */
async function changesSince(
	learning: Learning,
	cursor: Cursor,
	request: LoadRequest | undefined,
	mayWait: boolean,
): Promise<Changes | undefined> {
	const { table, controlPlane } = learning
	const [said, answer] = await Promise.all([controlPlane.sync(cursor), request && loadAll(controlPlane, request)])
	if (said.reset && request !== undefined && mayWait) return table.cursor === cursor ? reloaded(learning) : undefined
	const held = said.reset ? everythingHeld(table) : concerned(table, said.changed)
	if (held.parts.length === 0 && held.hosts.length === 0 && !said.reset) return { said, answer }
	const wanted: LoadRequest = {
		parts: [...held.parts, ...(request?.parts ?? [])],
		hosts: [...held.hosts, ...(request?.hosts ?? [])],
		filter: said.reset || request?.filter === true,
	}
	return { said, answer: await loadAll(controlPlane, wanted) }
}

async function reloaded(learning: Learning): Promise<undefined> {
	const forget = () => {
		if (learning.reloading === reloading) learning.reloading = undefined
	}
	learning.reloading ??= learn(learning).finally(forget)
	const { reloading } = learning
	await Promise.race([reloading, learning.controlPlane.patience(RELOAD_MS).then(forget)])
}

/** Too much changed to name it, or the mesh's history is another one. */
const everythingHeld = (table: RoutingTable): ReturnType<typeof concerned> => ({
	// A pattern resolves to its own virtual host, with slices that are new since.
	parts: [...table.held.keys()],
	hosts: [...table.hosts.keys()],
})

/**
 * All pages of an answer as one. When the replica moved on between two pages, it starts again; where changes never pause for
 * that long, the pages are taken as they come, under the first one's cursor: the next sync brings what they missed.
 */
async function loadAll(controlPlane: ControlPlane, request: LoadRequest): Promise<Answer> {
	for (let attempt = 1; ; attempt++) {
		const { next, ...answer } = await controlPlane.load(request)
		const parts = [...answer.parts]
		let after = next
		let moved = false
		while (after !== undefined && !moved) {
			const page = await controlPlane.load({ ...request, filter: false, after })
			moved = page.cursor.sequence !== answer.cursor.sequence && attempt < MAX_ATTEMPTS
			parts.push(...page.parts)
			after = page.next
		}
		if (!moved) return { ...answer, parts }
	}
}

const areOfOneRevision = ({ cursor, revision }: Changes['said'], answer: Answer | undefined): boolean =>
	answer === undefined || (answer.revision === revision && answer.cursor.epoch === cursor.epoch)

const areSame = ([first, ...others]: readonly Cursor[]): boolean =>
	others.every(({ epoch, sequence }) => epoch === first?.epoch && sequence === first.sequence)

/** An epoch that nobody has makes the next sync reload all: what is of different histories tells nothing of any. */
function oldestOf(cursors: readonly Cursor[]): Cursor {
	const [first, ...others] = cursors
	const isOne = first !== undefined && others.every(({ epoch }) => epoch === first.epoch)
	return isOne ? { epoch: first.epoch, sequence: Math.min(...cursors.map(({ sequence }) => sequence)) } : NO_CURSOR
}

const NO_CURSOR: Cursor = { epoch: '', sequence: 0 }
