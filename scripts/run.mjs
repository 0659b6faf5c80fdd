#!/usr/bin/env node
/** What `npm start`, `npm test` and the other scripts run: installs what a fresh clone lacks, then the task on the project's own Node. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const projectNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')

/** Task → the file that Node runs, with its fixed arguments. */
const TASKS = {
	start: ['scripts/local/start.ts'],
	test: ['node_modules/vitest/vitest.mjs', 'run'],
	check: ['scripts/check.ts'],
	bench: ['scripts/bench/main.ts'],
	build: ['scripts/client/build.ts'],
	deploy: ['scripts/deploy/main.ts'],
	audit: ['scripts/audit.ts'],
}

const readPackages = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages

/** Whether node_modules holds what package-lock.json names. Optional packages, such as other platforms', may be absent. */
function installed() {
	if (!existsSync(projectNode) || !existsSync(join(root, 'node_modules/.package-lock.json'))) return false
	const present = readPackages('node_modules/.package-lock.json')
	return Object.entries(readPackages('package-lock.json')).every(([path, { version, optional }]) =>
		present[path] ? present[path].version === version : path === '' || optional,
	)
}

function alive(pid) {
	try {
		process.kill(pid, 0)
		return true
	} catch (error) {
		return error.code === 'EPERM'
	}
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs `work` while no other run of this clone does. The lock of a run that died is taken over. */
async function alone(work) {
	const lock = join(root, '.selvedge', 'install.lock')
	mkdirSync(dirname(lock), { recursive: true })
	for (;;) {
		try {
			writeFileSync(lock, String(process.pid), { flag: 'wx' })
			break
		} catch (error) {
			if (error.code !== 'EEXIST') throw error
		}
		await sleep(300)
		const holder = Number(existsSync(lock) ? readFileSync(lock, 'utf8') : 0)
		if (holder > 0 && !alive(holder)) rmSync(lock, { force: true })
	}
	try {
		return work()
	} finally {
		rmSync(lock, { force: true })
	}
}

/**
 * Installs what the lock file names. Not by `npm ci`: that refuses a lock file in which some platform's optional package is
 * missing, as it is when a registry did not have it. npm's output goes to stderr, since stdout is the task's.
 */
function install() {
	if (installed()) return
	console.error('Installing dependencies…')
	const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
	const npm = process.env.npm_execpath?.endsWith('npm-cli.js') ? process.env.npm_execpath : undefined
	const [command, prefix] = npm ? [process.execPath, [npm]] : ['npm', []]
	const { status, error } = spawnSync(command, [...prefix, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
	if (status === 0 && installed()) return
	console.error(
		error ? `npm could not be run: ${error.message}` : 'The installation is not what package-lock.json names.',
	)
	if (!existsSync(projectNode)) console.error('If npm was told to ignore install scripts, run `npm rebuild node`.')
	process.exitCode = 1
}

/**
 * `start` has processes of its own to end in order. So it gets a group that a terminal's Ctrl-C does not reach, only this
 * process's signals do, and a channel, by whose end it notices when this process dies without a word.
 */
function run(task, args) {
	const [file, ...fixed] = TASKS[task]
	const apart = task === 'start'
	const child = spawn(projectNode, [join(root, file), ...fixed, ...args], {
		cwd: root,
		detached: apart,
		stdio: ['inherit', 'inherit', 'inherit', ...(apart ? ['ipc'] : [])],
		env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
	})
	// A terminal sends Ctrl-C to the others itself.
	process.on('SIGINT', () => (apart || !process.stdin.isTTY ? child.kill('SIGINT') : undefined))
	for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
	if (process.env.npm_lifecycle_event) endWithNpm(child)
	child.on('error', (error) => {
		console.error(`${projectNode}: ${error.message}`)
		process.exit(1)
	})
	child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

/** An npm that is killed outright tells its scripts nothing. Between it and this process there may be a shell. */
function endWithNpm(child) {
	const parent = process.ppid
	const { name, parent: above } = describe(parent)
	const gone = () => process.ppid !== parent || (/sh$/.test(name) && !alive(above))
	setInterval(() => gone() && child.kill('SIGTERM'), 250).unref()
}

/** A process's name and parent. */
function describe(pid) {
	if (existsSync(`/proc/${pid}/stat`)) {
		const [, name, above] = readFileSync(`/proc/${pid}/stat`, 'utf8').match(/\((.*)\) \S (\d+)/s)
		return { name, parent: Number(above) }
	}
	const { stdout } = spawnSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8' })
	const [, above, name] = stdout?.match(/(\d+)\s+(.*)/) ?? []
	return { name: name?.trim() ?? '', parent: Number(above) }
}

const [task, ...args] = process.argv.slice(2)
if (!Object.hasOwn(TASKS, task ?? '')) {
	console.error(`usage: node scripts/run.mjs ${Object.keys(TASKS).join('|')} [arguments]`)
	process.exit(2)
}
if (!installed()) await alone(install)
if (!process.exitCode) run(task, args)
