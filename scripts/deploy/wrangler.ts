/** Runs of the project's own wrangler. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from './configs.ts'

export interface Run {
	readonly code: number
	readonly stdout: string
	readonly stderr: string
}

/** `input` goes to its stdin, never onto a command line. With `show`, output also goes to the terminal as it comes. */
export function wrangler(args: readonly string[], { input, show = false }: { input?: string; show?: boolean } = {}) {
	const script = join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js')
	const child = spawn(process.execPath, [script, ...args], {
		cwd: root,
		env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1', FORCE_COLOR: '0' },
	})
	return new Promise<Run>((resolve, reject) => {
		const run = { code: 1, stdout: '', stderr: '' }
		for (const stream of ['stdout', 'stderr'] as const)
			child[stream].on('data', (chunk: Buffer) => {
				run[stream] += chunk
				if (show) process[stream].write(chunk)
			})
		child.on('error', reject)
		child.on('close', (code) => resolve({ ...run, code: code ?? 1 }))
		child.stdin.end(input)
	})
}
