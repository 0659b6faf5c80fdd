import { availableParallelism } from 'node:os'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** They only decide when a test that hangs fails: later than all that it waits for (`until`), on however loaded a machine. */
const patience = { testTimeout: 300_000, hookTimeout: 300_000 }

/** One file more at a time than there are cores: those that run real Workers mostly wait. */
const maxWorkers = availableParallelism() + 1

/** These say how long callers wait, and so have the machine for themselves. */
const UNDER_LOAD = ['test/processes/resilience.test.ts']

/** Four rooms: pure functions in Node, each Durable Object in workerd, the Workers together, real processes; these also under load. */
export default defineConfig({
	test: {
		projects: [
			{
				test: {
					name: 'unit',
					include: ['test/unit/**/*.test.ts', 'test/simulation/**/*.test.ts', 'test/*.test.ts'],
					...patience,
					maxWorkers,
					// Pure functions leave nothing behind that a file of its own process would be spared.
					isolate: false,
				},
			},
			{
				plugins: [cloudflareTest({ wrangler: { configPath: 'workers/admin/wrangler.toml' } })],
				test: { name: 'objects', include: ['test/objects/**/*.test.ts'], ...patience, maxWorkers },
			},
			{
				test: {
					name: 'mesh',
					include: ['test/mesh/**/*.test.ts'],
					...patience,
					maxWorkers,
					// The runtime's packages take a second to load, and the Workers as long to bundle.
					isolate: false,
				},
			},
			{
				test: {
					name: 'processes',
					include: ['test/processes/**/*.test.ts'],
					exclude: UNDER_LOAD,
					...patience,
					// A mesh that starts keeps a core busy.
					maxWorkers: 2,
					maxConcurrency: 2,
					sequence: { groupOrder: 1 },
				},
			},
			{
				test: {
					name: 'load',
					include: UNDER_LOAD,
					...patience,
					fileParallelism: false,
					sequence: { groupOrder: 2 },
				},
			},
		],
	},
})
