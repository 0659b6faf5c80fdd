/** `npm run build`: the SDK and its types in `dist/`, as `selvedge/client` is imported. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleClient, ENTRY } from './bundle.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const dist = join(root, 'dist')

mkdirSync(dist, { recursive: true })
writeFileSync(join(dist, 'client.js'), await bundleClient())

const options = {
	declaration: true,
	emitDeclarationOnly: true,
	allowImportingTsExtensions: true,
	strict: true,
	exactOptionalPropertyTypes: true,
	skipLibCheck: true,
	outDir: join(dist, 'types'),
	rootDir: join(root, 'src'),
	target: 'ES2024',
	module: 'ESNext',
	moduleResolution: 'Bundler',
	lib: 'ES2024,DOM,DOM.Iterable',
	types: 'node',
}
const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
const { status, error } = spawnSync('tsc', [ENTRY, '--ignoreConfig', ...args], { cwd: root, stdio: 'inherit' })
if (error !== undefined) throw error
process.exitCode = status ?? 1
