/** `npm run bench`: what the mesh costs beside the yardsticks, on plain workerd, as ratios of one run. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { authorization } from './experiments/authorization.ts'
import { balancing } from './experiments/balancing.ts'
import type { Bench, Experiment } from './experiments/experiment.ts'
import { features } from './experiments/features.ts'
import { identity } from './experiments/identity.ts'
import { matching } from './experiments/matching.ts'
import { mirrors } from './experiments/mirrors.ts'
import { propagation } from './experiments/propagation.ts'
import { routing } from './experiments/routing.ts'
import { rules } from './experiments/rules.ts'
import { services } from './experiments/services.ts'
import { startup } from './experiments/startup.ts'
import { startBackend, startGenerator } from './generator.ts'
import { bundleMesh } from './mesh.ts'
import { type BenchOptions, parseOptions, USAGE } from './options.ts'
import { canPin, endAll } from './processes.ts'
import { replaceBlock } from './report.ts'
import { makeWorkspace, stopServers, workerdVersion } from './workerd.ts'

const EXPERIMENTS: Readonly<Record<string, Experiment>> = {
	routing,
	features,
	identity,
	authorization,
	mirrors,
	rules,
	services,
	propagation,
	matching,
	balancing,
	startup,
}
const RESULTS = fileURLToPath(new URL('RESULTS.md', import.meta.url))

async function main(options: BenchOptions, args: readonly string[]): Promise<number> {
	const directory = await makeWorkspace()
	try {
		const backend = await startBackend(['a', 'b'])
		const [a, b] = backend.ports.map((port) => `http://127.0.0.1:${port}`)
		const bench: Bench = {
			options,
			directory,
			bundles: await bundleMesh(directory),
			generator: startGenerator(),
			backends: { a: a!, b: b! },
			received: backend.received,
			say: (line) => console.log(line),
		}
		return await runAll(bench, args)
	} finally {
		await endAll()
	}
}

/** Runs what was asked for, prints each block and keeps it; answers 1 when something failed, else 0. */
async function runAll(bench: Bench, args: readonly string[]): Promise<number> {
	const { only, quick } = bench.options
	let exitCode = 0
	for (const [name, experiment] of Object.entries(EXPERIMENTS)) {
		if (only.length > 0 && !only.includes(name)) continue
		bench.say(`\n== ${name}`)
		const heading = provenance(args)
		const body = await experiment(bench).catch((error: unknown) => {
			exitCode = 1
			// A failure stands in the results like a figure: the figures of an earlier run no longer hold.
			return `Failed:\n\n\`\`\`\n${error instanceof Error ? error.message.trim() : String(error)}\n\`\`\``
		})
		await stopServers()
		bench.say(`${heading}\n\n${body}`)
		if (!quick) writeFileSync(RESULTS, replaceBlock(readFileSync(RESULTS, 'utf8'), name, `${heading}\n\n${body}`))
	}
	return exitCode
}

function provenance(args: readonly string[]): string {
	const date = new Date().toISOString().slice(0, 10)
	const pinning = canPin ? 'proxy on one CPU, load and backend on another' : 'processes not pinned to CPUs'
	return (
		`${date} · workerd ${workerdVersion} · Node ${process.version} · ${cpus().length} shared cores, ${process.platform}, ` +
		`load average ${loadavg()[0]!.toFixed(1)} at the start, ${pinning} · \`npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}\``
	)
}

/** The options, or undefined after telling whoever typed them what is wrong. */
function readOptions(args: readonly string[]): BenchOptions | undefined {
	try {
		const options = parseOptions(args)
		const unknown = options.only.filter((name) => !(name in EXPERIMENTS))
		if (unknown.length === 0) return options
		console.error(`no experiment ${unknown.join(', ')}; there are ${Object.keys(EXPERIMENTS).join(', ')}`)
	} catch (error) {
		console.error(error instanceof Error ? error.message : String(error))
	}
	console.error(USAGE)
	return undefined
}

const args = process.argv.slice(2)
const options = readOptions(args)
process.exit(options === undefined ? 2 : await main(options, args))
