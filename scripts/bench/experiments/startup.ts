/** The data plane's size, and how much later than an empty Worker it gives its first 200. */
import { type Bundled, bundleYardstick } from '../bundle.ts'
import { BENCH_HOST, gateway, ruleRoutes, service, switchRoute } from '../documents.ts'
import { ask } from '../http.ts'
import { startMesh } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { spread } from '../statistics.ts'
import { serve } from '../workerd.ts'
import type { Bench, Experiment } from './experiment.ts'

const RULES = 1_000

/** What is started, in which company, and what is asked first. */
interface Start {
	readonly title: string
	readonly name: string
	readonly services: readonly Bundled[]
	readonly asked: Bundled
}

export const startup: Experiment = async (bench) => {
	const { proxy, admin, scheduler } = bench.bundles
	const empty = await bundleYardstick('empty', bench.directory)
	const mesh = await startMesh('startup', bench.directory, bench.bundles)
	const documents = [
		gateway(),
		service('backend', bench.backends.a),
		switchRoute('backend'),
		...ruleRoutes(RULES, 'backend'),
	]
	await mesh.apply(documents)
	await mesh.served(BENCH_HOST, '/switch')
	await mesh.stop()
	const starts: Start[] = [
		{ title: 'empty Worker', name: 'empty', services: [empty], asked: empty },
		{ title: 'empty Worker beside the control plane', name: 'empty-beside', services: [admin, empty], asked: empty },
		{
			title: 'proxy beside the control plane, with its state',
			name: 'startup',
			services: [admin, proxy],
			asked: proxy,
		},
	]
	const samples = starts.map((): Sample[] => [])
	for (let round = 0; round < bench.options.rounds; round++) {
		for (const [i, start] of starts.entries()) samples[i]!.push(await firstAnswer(bench, start))
	}
	const times = table(
		['first 200, ms', 'from the start of the process', 'from listening'],
		starts.map(({ title }, i) => [
			title,
			ranged(spread(samples[i]!.map((sample) => sample.fromStartMs)), 0),
			ranged(spread(samples[i]!.map((sample) => sample.fromListeningMs)), 1),
		]),
	)
	const bundles = Object.entries({ proxy, admin, scheduler })
	const sizes = table(
		['minified bundle', 'KB', 'modules', 'contains zod'],
		bundles.map(([name, bundle]) => [
			name,
			fixed(bundle.bytes / 1_000, 1),
			fixed(bundle.inputs.length),
			bundle.inputs.some((path) => path.includes('node_modules/zod/')) ? 'yes' : 'no',
		]),
	)
	return `${sizes}\n\n${times}`
}

interface Sample {
	readonly fromStartMs: number
	readonly fromListeningMs: number
}

async function firstAnswer(bench: Bench, start: Start): Promise<Sample> {
	const startedAt = performance.now()
	const server = await serve(start.name, bench.directory, {
		services: start.services.map((bundle) => bundle.service),
		sockets: [{ name: 'proxy', service: start.asked.service.name }],
	})
	const listeningAt = performance.now()
	const answer = await ask({ port: server.ports.proxy!, host: BENCH_HOST, path: '/switch' })
	const answeredAt = performance.now()
	await server.stop()
	if (answer.status !== 200) throw new Error(`the first answer was ${answer.status}: ${answer.body.slice(0, 400)}`)
	return { fromStartMs: answeredAt - startedAt, fromListeningMs: answeredAt - listeningAt }
}
