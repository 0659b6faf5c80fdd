/** What it costs to authorize a request by policies, with a user's token that was verified before. */
import { bundleYardstick } from '../bundle.ts'
import { cpuMicrosBetween, readCpu } from '../cpu.ts'
import { ask } from '../http.ts'
import { fixed, ranged, table } from '../report.ts'
import { pairedDifferences, pairedRatios, type Spread, spread } from '../statistics.ts'
import { serve } from '../workerd.ts'
import type { Experiment } from './experiment.ts'

const NAMES: Readonly<Record<string, string>> = {
	none: 'none, and the token is nobody’s to look at',
	token: 'none, the token verified before',
	p10: '10 policies',
	p50: '50 policies',
	p1000: '1,000 policies',
	w10: '10 policies with wildcards',
	w50: '50 policies with wildcards',
	w1000: '1,000 policies with wildcards',
}
/** How many requests go around a loop: through the whole data path, and through its policies alone. */
const TIMES = { whole: 20_000, alone: 100_000 }
const LOOP_ROUNDS = 3
/** The budgets. */
const MOST_MICROS = 8
const MOST_GROWTH = 2

type Loop = keyof typeof TIMES
/** CPU µs per request, by round. */
type Micros = ReadonlyMap<string, number[]>

/** Without a network, whose noise is larger than what is looked for. Throws when a request is refused that should not be. */
export const authorization: Experiment = async ({ directory, options }) => {
	const { service: worker } = await bundleYardstick('authorizing', directory)
	const server = await serve('authorizing', directory, {
		services: [worker],
		sockets: [{ name: 'http', service: worker.name }],
	})
	const measure = async (loop: Loop, name: string) => {
		const times = TIMES[loop]
		const before = readCpu(server.pid)
		const { body } = await ask({ port: server.ports.http!, host: 'loop', path: `/${loop}/${name}?times=${times}` })
		const { passed } = JSON.parse(body) as { passed: number }
		if (passed !== times) throw new Error(`${loop}, ${name}: ${passed} of ${times} came through`)
		return cpuMicrosBetween(before, readCpu(server.pid)) / times
	}
	const micros = { whole: noneYet(), alone: noneYet() }
	for (let round = -1; round < options.rounds * LOOP_ROUNDS; round++)
		for (const loop of ['whole', 'alone'] as const)
			for (const [name, each] of micros[loop]) {
				const own = await measure(loop, name)
				if (round >= 0) each.push(own)
			}
	await server.stop()
	return report(micros)
}

const noneYet = (): Micros => new Map(Object.keys(NAMES).map((name) => [name, []]))

function report({ whole, alone }: Readonly<Record<Loop, Micros>>): string {
	const added = (micros: Micros, name: string) => pairedDifferences(micros.get(name)!, micros.get('none')!)
	const rows = (micros: Micros, names: readonly string[]) =>
		names.map((name) => [NAMES[name]!, ranged(spread(micros.get(name)!), 2), ranged(spread(added(micros, name)), 2)])
	const growth = (kind: string) => spread(pairedRatios(added(alone, `${kind}1000`), added(alone, `${kind}10`)))
	const policed = Object.keys(NAMES).filter((name) => name !== 'none' && name !== 'token')
	return `${table(['policies; the data path in a loop, in the runtime', 'CPU µs per request', 'added µs'], rows(whole, Object.keys(NAMES)))}

${table(['policies alone, in a loop, in the runtime', 'CPU µs per decision', 'added µs'], rows(alone, policed))}

50 policies and a token that was met before add ${against(spread(added(whole, 'p50')), MOST_MICROS, 'µs')}
With wildcards they add ${against(spread(added(whole, 'w50')), MOST_MICROS, 'µs')}
The policies alone: 50 add ${against(spread(added(alone, 'p50')), MOST_MICROS, 'µs')}
With wildcards they add ${against(spread(added(alone, 'w50')), MOST_MICROS, 'µs')}
1,000 policies alone add ${against(growth('p'), MOST_GROWTH, '× what 10 add')}
With wildcards they add ${against(growth('w'), MOST_GROWTH, '× what 10 add')}`
}

/** What is spread wider than the budget is neither within it nor beyond. */
function against(figure: Spread, most: number, unit: string): string {
	const verdict = figure.median <= most ? 'within' : 'beyond'
	const said = figure.high - figure.low > most ? 'not told from noise by' : verdict
	return `${ranged(figure, 2)} ${unit}: ${said} the budget of ${fixed(most)} ${unit.slice(0, 2).trim()}.`
}
