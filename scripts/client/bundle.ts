/** The SDK as one module that imports nothing: for any runtime that has WebCrypto and fetch. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export const ENTRY = join(root, 'src', 'client', 'index.ts')

/** What Node 20, the oldest runtime that it is for, understands. */
const TARGET = 'es2022'

export async function bundleClient(): Promise<string> {
	const { outputFiles } = await build({
		entryPoints: [ENTRY],
		bundle: true,
		write: false,
		format: 'esm',
		target: TARGET,
		platform: 'neutral',
		charset: 'utf8',
		logLevel: 'silent',
	})
	return outputFiles[0]!.text
}
