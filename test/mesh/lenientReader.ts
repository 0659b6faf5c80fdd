/** A server that reads paths as leniently as all servers together: it knows no policy, and guesses at everything. */
import { bytes } from './confusedPaths.ts'

const CONTROLS = /\p{Cc}/gu

/** One more step of what some server does with a path. */
const STEPS: readonly ((path: string) => string)[] = [
	(path) => path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
	(path) => path.replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => bytes(String.fromCharCode(Number.parseInt(hex, 16)))),
	// Overlong forms of UTF-8.
	(path) => path.replace(/[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]/g, overlong),
	(path) => bytes(text(path).normalize('NFKC')),
	(path) => bytes(text(path).toLowerCase()),
	(path) => bytes(text(path).toUpperCase().toLowerCase()),
	(path) => path.replaceAll('\\', '/'),
	(path) => path.replace(/;[^/]*/g, ''),
	(path) => path.replace(/\/{2,}/g, '/'),
	(path) => path.replace(CONTROLS, ''),
	(path) => path.split('\0', 1)[0]!,
	(path) => path.replace(/[.\s]+(?=\/|$)/g, ''),
	(path) => path.replace(/[?#].*$/s, ''),
	(path) => path.replace(/^(?:https?:)?\/\/[^/]*/i, ''),
	(path) => resolved(path),
	(path) => (path.startsWith('/') ? path : `/${path}`),
]

const text = (path: string): string => Buffer.from(path, 'latin1').toString('utf8')

function overlong(sequence: string): string {
	let code = sequence.charCodeAt(0) & (sequence.length === 2 ? 0x1f : 0x0f)
	for (const unit of sequence.slice(1)) code = (code << 6) | (unit.charCodeAt(0) & 0x3f)
	return String.fromCharCode(code)
}

function resolved(path: string): string {
	const kept: string[] = []
	for (const segment of path.split('/')) {
		if (segment === '..') kept.pop()
		else if (segment !== '.') kept.push(segment)
	}
	return `/${kept.join('/').replace(/^\//, '')}`
}

const MAX_READINGS = 3_000
const IS_PROTECTED = /^\/(?:admin|api\/private)(?:\/|$)/

/** Whether some server, that takes these steps in some order, might read a protected path. Each unit is a byte; all take `?` for the end. */
export function mayBeProtected(target: string): boolean {
	const readings = new Set([target.split('?', 1)[0]!])
	for (const reading of readings) {
		if (IS_PROTECTED.test(reading)) return true
		if (readings.size < MAX_READINGS) for (const step of STEPS) readings.add(step(reading))
	}
	return false
}
