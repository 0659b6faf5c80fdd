/** What it costs to authorize a request by policies, with a user's token that was verified before. */
import { bundleYardstick } from '../bundle.ts'
import { cpuMicrosBetween, readCpu } from '../cpu.ts'
import { ask } from '../http.ts'
import { fixed, ranged, table } from '../report.ts'
import { median, pairedDifferences, spread } from '../statistics.ts'
import { serve } from '../workerd.ts'
import type { Experiment } from './experiment.ts'

const NAMES: Readonly<Record<string, string>> = {
	none: 'none, and the token is nobody’s to look at',
	token: 'none, the token verified before',
	p10: '10 policies, the token verified before',
	p50: '50 policies',
	p1000: '1,000 policies',
}
const TIMES = 20_000
const LOOP_ROUNDS = 3
/** The budgets. */
const MOST_MICROS = 8
const MOST_GROWTH = 2

/** Without a network, whose noise is larger than what is looked for. Throws when a request is refused that should not be. */
export const authorization: Experiment = async ({ directory, options }) => {
	const { service: worker } = await bundleYardstick('authorizing', directory)
	const server = await serve('authorizing', directory, {
		services: [worker],
		sockets: [{ name: 'http', service: worker.name }],
	})
	const micros = new Map(Object.keys(NAMES).map((name): [string, number[]] => [name, []]))
	for (let round = -1; round < options.rounds * LOOP_ROUNDS; round++)
		for (const [name, each] of micros) {
			const before = readCpu(server.pid)
			const { body } = await ask({ port: server.ports.http!, host: 'loop', path: `/${name}?times=${TIMES}` })
			const { passed } = JSON.parse(body) as { passed: number }
			if (passed !== TIMES) throw new Error(`${name}: ${passed} of ${TIMES} came through`)
			if (round >= 0) each.push(cpuMicrosBetween(before, readCpu(server.pid)) / TIMES)
		}
	await server.stop()
	return report(micros)
}

function report(micros: ReadonlyMap<string, readonly number[]>): string {
	const none = micros.get('none')!
	const added = (name: string) => pairedDifferences(micros.get(name)!, none)
	const rows = [...micros].map(([name, own]) => [NAMES[name]!, ranged(spread(own), 1), ranged(spread(added(name)), 1)])
	const fifty = median(added('p50'))
	const growth = median(added('p1000')) / median(added('p10'))
	return `${table(['policies; the data path in a loop, in the runtime', 'CPU µs per request', 'added µs'], rows)}

50 policies and a token that was met before add ${fixed(fifty, 1)} µs: ${verdict(fifty <= MOST_MICROS)} the budget of ${MOST_MICROS} µs.
1,000 policies add ${fixed(growth, 2)} × what 10 add: ${verdict(growth <= MOST_GROWTH)} the budget of ${MOST_GROWTH} ×.`
}

const verdict = (isWithin: boolean): string => (isWithin ? 'within' : 'beyond')
