/** The rules of the design, as code: who may know whom, what pure code must not touch, and what the data plane carries. */
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { findCycle, folderOf, type Import, ROOT, reachable, type SourceFile, sourceFiles } from './sourceFiles.ts'

const files = sourceFiles()
const below = (...folders: string[]) =>
	files.filter(({ path }) => folders.some((folder) => path.startsWith(`${folder}/`)))
const file = (path: string) => files.find((each) => each.path === path)!

/** `from → to` of every import that breaks a rule. */
function offences(among: readonly SourceFile[], isFine: (from: string, imported: Import) => boolean): string[] {
	return among.flatMap(({ path, imports }) =>
		imports
			.filter((imported) => !isFine(path, imported))
			.map(({ target, typeOnly }) => `${path} → ${target}${typeOnly ? ' (type)' : ''}`),
	)
}

/** What each folder of the repository may import, besides packages. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
	src: ['src'],
	'durable-objects': ['src', 'durable-objects'],
	workers: ['src', 'durable-objects', 'workers'],
}
const inside = (folders: readonly string[], path: string) => folders.some((folder) => path.startsWith(`${folder}/`))
const isOwnFile = (target: string) => /^(src|durable-objects|workers|scripts|examples|test|\.\.)\//.test(target)

/** What a folder of src takes from the others. One that is not listed is a leaf, and takes from none. */
const TAKES_FROM: Readonly<Record<string, readonly string[]>> = {
	// Texts of policies are checked, and keys of users' issuers named, by those who read them.
	resources: ['authorization'],
	snapshot: ['authorization', 'joining', 'matching', 'resources'],
	client: ['identity'],
	outside: ['joining', 'resources'],
	proxy: ['authorization', 'balancing', 'filters', 'identity', 'matching', 'resilience', 'telemetry'],
	explain: ['authorization', 'filters', 'matching', 'proxy', 'resilience', 'telemetry'],
	// Samples are digested in the one, and decided on in the other as the data plane decides.
	replay: ['authorization', 'telemetry'],
}
/** The form in which the control plane speaks to the data plane: as types, everybody's, as are the ports. */
const CONTRACT = [
	'snapshot',
	'filters',
	'match',
	'trafficPolicy',
	'peerAuthentication',
	'requestAuthentication',
	'authorization',
	'trust',
].map((name) => `src/snapshot/${name}.ts`)

describe('dependencies', () => {
	it('go src ◀ durable-objects ◀ workers, never back', () => {
		for (const [layer, allowed] of Object.entries(LAYERS))
			expect(offences(below(layer), (_, { target }) => !isOwnFile(target) || inside(allowed, target))).toEqual([])
	})

	it('between folders of src are those listed, and leaves know no sibling', () => {
		const isFine = (path: string, { target, typeOnly }: Import) => {
			const [from, to] = [folderOf(path)!, folderOf(target)]
			if (to === undefined || to === '' || to === from) return true
			if (typeOnly && (from === '' || from === 'ports' || to === 'ports' || CONTRACT.includes(target))) return true
			if (typeOnly && from === 'proxy' && to === 'resources') return true
			return TAKES_FROM[from]?.includes(to) === true
		}
		expect(offences(below('src'), isFine)).toEqual([])
	})

	it('of one Worker on another are none, and only the host of the Durable Objects runs their code', () => {
		const workerOf = (path: string) => /^workers\/([^/]+)\//.exec(path)?.[1]
		const isFine = (path: string, { target, typeOnly }: Import) => {
			if (target.startsWith('durable-objects/')) return typeOnly || path === 'workers/admin/index.ts'
			return [undefined, workerOf(path)].includes(workerOf(target))
		}
		expect(offences(below('workers'), isFine)).toEqual([])
	})

	it('on tests and scripts are theirs alone', () => {
		const isFine = (_: string, { target }: Import) => !/^(test|scripts)\//.test(target)
		expect(offences(below('src', 'durable-objects', 'workers', 'examples'), isFine)).toEqual([])
	})

	it('form no cycle, not of types either', () => {
		expect(findCycle(files)).toBeUndefined()
	})

	it('name files that exist', () => {
		const paths = new Set(files.map(({ path }) => path))
		const missing = (_: string, { target }: Import) => !/\.(ts|mjs)$/.test(target) || paths.has(target)
		expect(offences(below('src', 'durable-objects', 'workers'), missing)).toEqual([])
		expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(300)
	})
})

/** Where the SDK, which runs in the caller's process, meets its platform. */
const PLATFORM = 'src/client/runtime.ts'

describe('src', () => {
	it.each([
		['what time it is', /\bDate\.now|new Date\(\)|\bperformance\./],
		['for random numbers', /\bMath\.random|\brandomUUID|\bgetRandomValues/],
		['for the network or a cache', /\bfetch\(|\bcaches\b|\bWebSocket\b/],
		['for a timer', /\bsetTimeout|\bsetInterval|\bscheduler\./],
		['for the platform or the process', /cloudflare:|['"]node:|\bprocess\.|\benv\.|\bglobalThis\b/],
		['for a console', /\bconsole\b/],
	])('never asks %s', (_, forbidden) => {
		expect(
			below('src')
				.filter(({ path, code }) => path !== PLATFORM && forbidden.test(code))
				.map(({ path }) => path),
		).toEqual([])
	})

	it('has functions and data, no classes', () => {
		const declares = /^\s*(export\s+)?(default\s+)?(abstract\s+)?class\s|=\s*class\b/m
		expect(
			below('src')
				.filter(({ code }) => declares.test(code))
				.map(({ path }) => path),
		).toEqual([])
	})

	it('has no file that no test reaches', () => {
		const tests = below('test').filter(({ path }) => path.endsWith('.test.ts') && path !== 'test/architecture.test.ts')
		const reached = reachable(files, tests)
		expect(
			below('src')
				.filter(({ path }) => !reached.has(path))
				.map(({ path }) => path),
		).toEqual([])
	})
})

describe('every file', () => {
	it('of the product says first what it is', () => {
		const product = below('src', 'durable-objects', 'workers', 'scripts', 'examples')
		const opens = /^(#!.*\n)?\/\*\*\s*(\*\s)?\s*\S/
		expect(product.filter(({ text }) => !opens.test(text)).map(({ path }) => path)).toEqual([])
	})

	it('has at most 300 lines', () => {
		const lines = ({ text }: SourceFile) => text.split('\n').length - 1
		expect(files.filter((each) => lines(each) > 300).map((each) => `${each.path}: ${lines(each)}`)).toEqual([])
	})

	it('has a name that says something', () => {
		const nameless = /(^|\/)(utils?|helpers?|common|misc|types)(\/|\.)/
		expect(files.filter(({ path }) => nameless.test(path)).map(({ path }) => path)).toEqual([])
	})
})

describe('refusals', () => {
	const reasons = Array.from(
		file('src/proxy/refusal.ts').code.matchAll(/readonly reason: '(\w+)'/g),
		([, reason]) => reason!,
	)

	it('are answered by rescue.ts, every one', () => {
		expect(reasons.length).toBeGreaterThanOrEqual(9)
		expect(
			reasons.filter((reason) => !new RegExp(`^\\t${reason}: \\{`, 'm').test(file('src/proxy/rescue.ts').code)),
		).toEqual([])
	})

	it('are made by some code of the data plane, every one', () => {
		const makers = below('src/proxy', 'workers/proxy').filter(({ path }) => !/\/(refusal|rescue)\.ts$/.test(path))
		expect(reasons.filter((reason) => !makers.some(({ code }) => code.includes(`'${reason}'`)))).toEqual([])
	})

	it('are named by some test, every one', () => {
		const tests = below('test').filter(({ path }) => path.endsWith('.test.ts'))
		expect(reasons.filter((reason) => !tests.some(({ code }) => new RegExp(`\\b${reason}\\b`).test(code)))).toEqual([])
	})
})

describe('the data plane', () => {
	it('carries no schema, parser, build or framework, and weighs no more than it does', async () => {
		const { metafile, outputFiles } = await build({
			absWorkingDir: ROOT,
			entryPoints: ['workers/proxy/index.ts'],
			bundle: true,
			minify: true,
			metafile: true,
			write: false,
			format: 'esm',
			target: 'es2024',
			platform: 'browser',
			conditions: ['workerd', 'worker', 'browser'],
			external: ['cloudflare:*', 'node:*'],
		})
		const carried = Object.values(metafile.outputs).flatMap(({ inputs }) =>
			Object.entries(inputs)
				.filter(([, { bytesInOutput }]) => bytesInOutput > 0)
				.map(([path]) => path),
		)
		const foreign =
			/node_modules\/(zod|re2js|yaml|hono)\/|^src\/(resources|snapshot|registry)\/|^(durable-objects|workers\/(admin|scheduler))\//
		expect(carried).toContain('src/proxy/pipeline.ts')
		expect(carried.filter((path) => foreign.test(path))).toEqual([])
		// The design's 80 KB do not hold all of traffic, resilience and proofs: ARCHITECTURE.md says what is in here. No byte by accident.
		expect(outputFiles[0]!.contents.length).toBeLessThanOrEqual(162_400)
	})
})
