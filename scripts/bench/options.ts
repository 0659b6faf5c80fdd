/** What can be said to the bench on its command line. */
import { parseArgs } from 'node:util'

export interface BenchOptions {
	readonly rounds: number
	readonly sliceMs: number
	readonly connections: number
	/** How many changes are followed until they are in force. */
	readonly changes: number
	/** Fewer rounds, smaller sizes, and RESULTS.md stays as it is. */
	readonly quick: boolean
	/** Names of experiments; empty means all. */
	readonly only: readonly string[]
}

export const USAGE =
	'npm run bench -- [--quick] [--rounds N] [--slice-ms MS] [--connections N] [--changes N] [--only NAME,NAME]'

/** Throws a message for whoever typed it. */
export function parseOptions(args: readonly string[]): BenchOptions {
	const { values } = parseArgs({
		args: [...args],
		options: {
			quick: { type: 'boolean', default: false },
			rounds: { type: 'string' },
			'slice-ms': { type: 'string' },
			connections: { type: 'string' },
			changes: { type: 'string' },
			only: { type: 'string', default: '' },
		},
	})
	const { quick } = values
	return {
		quick,
		rounds: whole('rounds', values.rounds, quick ? 3 : 10, 100),
		sliceMs: whole('slice-ms', values['slice-ms'], quick ? 1_000 : 1_500, 10_000),
		connections: whole('connections', values.connections, 32, 256),
		changes: whole('changes', values.changes, quick ? 10 : 100, 1_000),
		only: values.only.split(',').filter((name) => name !== ''),
	}
}

function whole(name: string, text: string | undefined, otherwise: number, max: number): number {
	if (text === undefined) return otherwise
	const value = Number(text)
	if (!Number.isInteger(value) || value < 1 || value > max) throw new Error(`--${name} must be from 1 to ${max}`)
	return value
}
