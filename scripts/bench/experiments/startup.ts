/** The data plane's size, and how much later than an empty Worker it gives its first 200. */
import { type Bundled, bundleYardstick } from '../bundle.ts'
import { BENCH_HOST, gateway, ruleRoutes, service, switchRoute } from '../documents.ts'
import { ask } from '../http.ts'
import { startMesh } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { pairedDifferences, spread } from '../statistics.ts'
import { serve } from '../workerd.ts'
import type { Bench, Experiment } from './experiment.ts'

/** On the host that is asked, beside the one that answers. */
const RULES = [0, 1_000]

/** What is started, in which company and with which mesh's state, and what is asked. */
interface Start {
	readonly title: string
	readonly mesh: string
	readonly services: readonly Bundled[]
	/** Asked before, so that the control plane is awake, as a region's is: only the isolate is new. */
	readonly before?: Bundled
	readonly asked: Bundled
	/** Title of the start whose first answer is to be compared with. */
	readonly beside?: string
}

interface Sample {
	/** Undefined where another Worker was asked before. */
	readonly fromStartMs: number | undefined
	readonly fromRequestMs: number
}

export const startup: Experiment = async (bench) => {
	for (const rules of RULES) await leaveMesh(bench, rules)
	const starts = await plan(bench)
	const samples = new Map(starts.map(({ title }): [string, Sample[]] => [title, []]))
	for (let round = 0; round < bench.options.rounds; round++) {
		for (const start of starts) samples.get(start.title)!.push(await firstAnswer(bench, start))
	}
	return `${sizes(bench)}\n\n${times(starts, samples)}`
}

const meshOf = (rules: number): string => `startup-${rules}`

/** Leaves the state of a mesh behind. */
async function leaveMesh({ directory, bundles, backends }: Bench, rules: number): Promise<void> {
	const mesh = await startMesh(meshOf(rules), directory, bundles)
	const documents = [gateway(), service('backend', backends.a), switchRoute('backend'), ...ruleRoutes(rules, 'backend')]
	await mesh.apply(documents)
	await mesh.served(BENCH_HOST, '/switch')
	await mesh.stop()
}

async function plan({ directory, bundles: { admin, proxy } }: Bench): Promise<Start[]> {
	const empty = await bundleYardstick('empty', directory)
	// Another isolate of the same code.
	const before: Bundled = { ...proxy, service: { ...proxy.service, name: 'earlier' } }
	const cold = 'empty Worker beside the control plane'
	const awake = 'control plane awake: empty Worker'
	const proxies = RULES.flatMap((rules): Start[] => {
		const what = `proxy, ${fixed(rules + 1)} ${rules === 0 ? 'rule' : 'rules'} on the host`
		const start = { mesh: meshOf(rules), asked: proxy }
		return [
			{ ...start, title: `${what}, beside the control plane`, services: [admin, proxy], beside: cold },
			{ ...start, title: `control plane awake: ${what}`, services: [admin, before, proxy], before, beside: awake },
		]
	})
	const [mesh] = RULES.map(meshOf)
	return [
		{ title: 'empty Worker', mesh: 'none', services: [empty], asked: empty },
		{ title: cold, mesh: mesh!, services: [admin, empty], asked: empty },
		...proxies.filter((start) => start.before === undefined),
		{ title: awake, mesh: mesh!, services: [admin, before, empty], before, asked: empty },
		...proxies.filter((start) => start.before !== undefined),
	]
}

async function firstAnswer(bench: Bench, { mesh, services, before, asked }: Start): Promise<Sample> {
	const startedAt = performance.now()
	const server = await serve(mesh, bench.directory, {
		services: services.map((bundle) => bundle.service),
		sockets: (before === undefined ? [asked] : [before, asked]).map(({ service: { name } }) => ({
			name,
			service: name,
		})),
	})
	const get = ({ service: { name } }: Bundled) => ok(server.ports[name]!)
	if (before !== undefined) await get(before)
	const askedAt = performance.now()
	await get(asked)
	const answeredAt = performance.now()
	await server.stop()
	return {
		fromStartMs: before === undefined ? answeredAt - startedAt : undefined,
		fromRequestMs: answeredAt - askedAt,
	}
}

async function ok(port: number): Promise<void> {
	const answer = await ask({ port, host: BENCH_HOST, path: '/switch' })
	if (answer.status !== 200) throw new Error(`the first answer was ${answer.status}: ${answer.body.slice(0, 400)}`)
}

function times(starts: readonly Start[], samples: ReadonlyMap<string, readonly Sample[]>): string {
	const fromRequest = (title: string) => samples.get(title)!.map((sample) => sample.fromRequestMs)
	return table(
		['first 200, ms', 'from the start of the process', 'from the request', 'later than an empty Worker’s'],
		starts.map(({ title, beside }) => {
			const fromStart = samples.get(title)!.flatMap(({ fromStartMs }) => fromStartMs ?? [])
			const later = beside && pairedDifferences(fromRequest(title), fromRequest(beside))
			return [
				title,
				fromStart.length === 0 ? '' : ranged(spread(fromStart), 0),
				ranged(spread(fromRequest(title)), 1),
				later ? ranged(spread(later), 1) : '',
			]
		}),
	)
}

function sizes({ bundles: { proxy, admin, scheduler } }: Bench): string {
	return table(
		['minified bundle', 'KB', 'modules', 'contains zod'],
		Object.entries({ proxy, admin, scheduler }).map(([name, bundle]) => [
			name,
			fixed(bundle.bytes / 1_000, 1),
			fixed(bundle.inputs.length),
			bundle.inputs.some((path) => path.includes('node_modules/zod/')) ? 'yes' : 'no',
		]),
	)
}
