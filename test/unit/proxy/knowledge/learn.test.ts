/** What is taken in of answers that do not fit together, from a control plane that never comes to rest. */
import { describe, expect, it } from 'vitest'
import type { Delta, LoadAnswer, LoadRequest } from '../../../../src/ports.ts'
import { type Learning, learn } from '../../../../src/proxy/knowledge/learn.ts'
import { createRoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import type { Cursor } from '../../../../src/snapshot/snapshot.ts'

const at = (sequence: number, epoch = 'e'): Cursor => ({ epoch, sequence })
const filter = { bits: new Uint8Array(1), hashes: 1 }

/** Holds a service as of 1, and asks a control plane that says the same again and again. */
function learning(said: Partial<Delta>, answer: Partial<LoadAnswer>) {
	const table = createRoutingTable('mesh.test', () => 0)
	table.cursor = at(1)
	table.held.set('service/d/web', 'old')
	const loads: LoadRequest[] = []
	const known: Learning = {
		table,
		controlPlane: {
			sync: async () => ({ cursor: at(1), revision: 1, changed: [], reset: false, ...said }),
			load: async (request) => {
				loads.push(request)
				const answered = { cursor: at(1), revision: 1, hosts: {}, parts: [], ...answer }
				return request.filter === true ? { ...answered, filter } : answered
			},
			patience: () => new Promise(() => {}),
		},
		taken: 0,
	}
	return { table, loads, known }
}

describe('the cursor claims', () => {
	it.each<[what: string, said: Cursor, answer: Cursor, claimed: Cursor]>([
		['what both say', at(5), at(5), at(5)],
		['no more than an answer that is older than the list of changes', at(5), at(3), at(3)],
		['no more than the list of changes', at(3), at(5), at(3)],
		['nothing of two histories', at(5), at(5, 'f'), at(0, '')],
	])('%s', async (_, said, answer, claimed) => {
		const { table, known } = learning({ cursor: said }, { cursor: answer })
		await learn(known, { parts: ['service/d/other'] })
		expect(table.cursor).toEqual(claimed)
	})

	it('no more than what was taken in meanwhile', async () => {
		const { table, known } = learning({ cursor: at(5) }, { cursor: at(5) })
		const interrupted = { ...known, controlPlane: { ...known.controlPlane, load: loadWhileOthers } }
		async function loadWhileOthers(request: LoadRequest) {
			interrupted.taken++
			table.cursor = at(4)
			return known.controlPlane.load(request)
		}
		await learn(interrupted, { parts: [] })
		expect(table.cursor).toEqual(at(4))
	})
})

describe('with a look-up,', () => {
	it('the filter is asked for as it was, also when what is held has changed', async () => {
		const { table, known, loads } = learning({ cursor: at(5), changed: ['service/d/web'] }, { cursor: at(5) })
		await learn(known, { hosts: ['a.test'], filter: true })
		expect(loads.at(-1)).toEqual({ hosts: ['a.test'], parts: ['service/d/web'], filter: true })
		expect(table.patterns).toBe(filter)
	})

	it('what is held and has not changed is not asked for', async () => {
		const { known, loads } = learning({ cursor: at(5), changed: ['service/d/unknown'] }, { cursor: at(5) })
		await learn(known, { parts: ['service/d/other'] })
		expect(loads).toEqual([{ parts: ['service/d/other'] }])
	})
})
