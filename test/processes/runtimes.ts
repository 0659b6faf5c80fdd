/** The runtimes that the SDK is for, as far as this machine has them: where each is, and how a module is run there. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Runtime {
	readonly name: string
	/** Why it is not here; undefined when it is. */
	readonly missing: string | undefined
	readonly command: string
	readonly args: readonly string[]
}

const bin = fileURLToPath(new URL('../../node_modules/.bin/', import.meta.url))

/** Where the packages bring a binary, none is no reason to skip. */
const isRequired = process.platform === 'linux' && process.arch === 'x64'

function packaged(name: string, args: readonly string[]): Runtime {
	const command = join(bin, name)
	const runs = isRequired || spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
	const missing = runs ? undefined : `its package has no binary for ${process.platform} ${process.arch}`
	return { name, missing, command, args }
}

const inPath = (names: readonly string[]): string | undefined =>
	(process.env.PATH ?? '')
		.split(delimiter)
		.filter((folder) => !folder.includes('node_modules'))
		.flatMap((folder) => names.map((name) => join(folder, name)))
		.find((file) => existsSync(file))

/** The machine's own, beside the project's: 20 or later. */
const machinesNode = inPath(['node'])

export const RUNTIMES: readonly Runtime[] = [
	{ name: 'node', missing: undefined, command: process.execPath, args: [] },
	{
		name: 'machines-node',
		missing: machinesNode === undefined ? 'this machine has none in PATH' : undefined,
		command: machinesNode ?? '',
		args: [],
	},
	packaged('bun', ['run']),
	// It may talk to this machine and read its modules, and has no other right.
	packaged('deno', ['run', '--no-config', '--no-lock', '--no-remote', '--no-prompt', '--allow-net=127.0.0.1']),
]

/** What a process or a page may take. */
const PATIENCE_MS = 60_000

/** What the module prints. Nothing of this process's environment is in its own. */
export async function run({ command, args }: Runtime, module: string, home: string): Promise<string> {
	const options = { cwd: home, env: { HOME: home }, timeout: PATIENCE_MS }
	return (await promisify(execFile)(command, [...args, module], options)).stdout
}

export const chromium = inPath(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'])

const CHROMIUM_FLAGS = [
	'--headless',
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--disable-dev-shm-usage',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	// It keeps the browser open, and listens on loopback only.
	'--remote-debugging-port=0',
]

/** Shows a page for as long as `work` takes. */
export async function browse<T>(url: string, home: string, work: () => Promise<T>): Promise<T> {
	const env = { HOME: home, PATH: process.env.PATH ?? '' }
	const args = [...CHROMIUM_FLAGS, `--user-data-dir=${join(home, 'chromium')}`, url]
	const browser = spawn(chromium!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
	let said = ''
	browser.stderr.on('data', (chunk) => {
		said += chunk
	})
	const overdue = setTimeout(() => browser.kill('SIGTERM'), PATIENCE_MS)
	const ended = once(browser, 'exit')
	const early = ended.then(([code]) => Promise.reject(new Error(`the browser ended with ${code}: ${said}`)))
	try {
		return await Promise.race([work(), early])
	} finally {
		early.catch(() => {}) // it ends now, as told
		clearTimeout(overdue)
		browser.kill('SIGTERM')
		await ended
	}
}
