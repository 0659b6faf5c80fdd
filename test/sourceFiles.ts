/** The project's own source files: their text, and who imports whom. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

export interface SourceFile {
	/** From the root of the repository. */
	readonly path: string
	readonly text: string
	/** The text without comments. */
	readonly code: string
	readonly imports: readonly Import[]
}

export interface Import {
	/** A path from the root of the repository, or the name of a package. */
	readonly target: string
	/** Erased before anything runs. */
	readonly typeOnly: boolean
}

const FOLDERS = ['src', 'durable-objects', 'workers', 'scripts', 'examples', 'test']
const IMPORT = /^\s*(?:import|export)\s+(type\s)?(?:[\w$*{},\s]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm

export function sourceFiles(): SourceFile[] {
	return FOLDERS.flatMap((folder) =>
		readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
			.filter((name) => /\.(ts|mjs)$/.test(name) && !/(^|\/)(node_modules|dist|\.wrangler)\//.test(name))
			.map((name) => sourceFile(`${folder}/${name}`)),
	)
}

function sourceFile(path: string): SourceFile {
	const text = readFileSync(join(ROOT, path), 'utf8')
	const code = withoutComments(text)
	const imports = Array.from(code.matchAll(IMPORT), ([, type, from, dynamic]): Import => {
		const name = (from ?? dynamic)!
		return { target: name.startsWith('.') ? join(dirname(path), name) : name, typeOnly: type !== undefined }
	})
	return { path, text, code, imports }
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')

/** The first folder below `src` of a path; '' for files right below it; undefined outside. */
export function folderOf(path: string): string | undefined {
	if (!path.startsWith('src/')) return undefined
	const rest = relative('src', path)
	return rest.includes('/') ? rest.slice(0, rest.indexOf('/')) : ''
}

/** Some cycle of files that import each other, be it types alone, or undefined. */
export function findCycle(files: readonly Pick<SourceFile, 'path' | 'imports'>[]): string[] | undefined {
	const byPath = new Map(files.map((file) => [file.path, file]))
	const finished = new Set<string>()
	const visit = (path: string, trail: readonly string[]): string[] | undefined => {
		if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
		if (finished.has(path)) return undefined
		for (const { target } of byPath.get(path)?.imports ?? []) {
			const cycle = visit(target, [...trail, path])
			if (cycle !== undefined) return cycle
		}
		finished.add(path)
		return undefined
	}
	for (const { path } of files) {
		const cycle = visit(path, [])
		if (cycle !== undefined) return cycle
	}
	return undefined
}

/** Every file that some of `entries` imports, directly or through others. */
export function reachable(files: readonly SourceFile[], entries: readonly SourceFile[]): Set<string> {
	const byPath = new Map(files.map((file) => [file.path, file]))
	const seen = new Set<string>()
	const queue = entries.map(({ path }) => path)
	for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
		if (seen.has(path)) continue
		seen.add(path)
		queue.push(...(byPath.get(path)?.imports ?? []).map(({ target }) => target))
	}
	return seen
}
