/** `npm check`: types, style and dead code. Every check runs, and every failure is shown. */
import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const CHECKS = [
	{ name: 'types of the mesh', command: ['tsc', '-p', 'tsconfig.json', '--noEmit'] },
	{ name: 'types of scripts and tests', command: ['tsc', '-p', 'tsconfig.node.json', '--noEmit'] },
	{ name: 'style', command: ['biome', 'ci', '.'] },
	{ name: 'dead code', command: ['knip'] },
] as const

interface Outcome {
	readonly name: string
	readonly ok: boolean
	readonly output: string
	readonly seconds: string
}

function run(name: string, [tool, ...args]: readonly [string, ...string[]]): Promise<Outcome> {
	const started = performance.now()
	return new Promise((resolve) => {
		let output = ''
		const child = spawn(tool, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
		const settle = (ok: boolean) =>
			resolve({ name, ok, output: output.trimEnd(), seconds: ((performance.now() - started) / 1000).toFixed(1) })
		child.stdout.on('data', (chunk) => {
			output += chunk
		})
		child.stderr.on('data', (chunk) => {
			output += chunk
		})
		child.on('error', (error) => {
			output += error.message
			settle(false)
		})
		child.on('close', (code) => settle(code === 0))
	})
}

const outcomes = await Promise.all(CHECKS.map(({ name, command }) => run(name, command)))
for (const { name, ok, output } of outcomes) if (!ok) console.log(`── ${name} ──\n${output}\n`)
for (const { name, ok, seconds } of outcomes) console.log(`${ok ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)`)
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1
