import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Four rooms: pure functions in Node, each Durable Object in workerd, the Workers together, real processes. */
export default defineConfig({
	test: {
		projects: [
			{ test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/simulation/**/*.test.ts', 'test/*.test.ts'] } },
			{
				plugins: [cloudflareTest({ wrangler: { configPath: 'workers/admin/wrangler.toml' } })],
				test: { name: 'objects', include: ['test/objects/**/*.test.ts'] },
			},
			{
				test: {
					name: 'mesh',
					include: ['test/mesh/**/*.test.ts'],
					testTimeout: 30_000,
					hookTimeout: 60_000,
					fileParallelism: false,
				},
			},
			{
				test: {
					name: 'processes',
					include: ['test/processes/**/*.test.ts'],
					testTimeout: 180_000,
					hookTimeout: 60_000,
					fileParallelism: false,
				},
			},
		],
	},
})
