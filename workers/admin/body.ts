/** Request bodies: read within a bound, decoded strictly, and told apart as YAML or JSON. */
import type { z } from 'zod'
import { readBytes } from '../../src/boundedBody.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { parseInput } from './input.ts'
import { invalidRequest, problem } from './problem.ts'

/** Largest body accepted, in bytes. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024

export type Format = 'yaml' | 'json'

const formats: Readonly<Record<string, Format | 'sniff'>> = {
	'application/json': 'json',
	'text/json': 'json',
	'application/yaml': 'yaml',
	'application/x-yaml': 'yaml',
	'text/yaml': 'yaml',
	'text/x-yaml': 'yaml',
	'text/plain': 'sniff',
	'application/octet-stream': 'sniff',
	// What `curl --data-binary @file` says of any file.
	'application/x-www-form-urlencoded': 'sniff',
}

const tooLarge = (): Response =>
	problem(
		'too-large',
		`The body must not be longer than ${MAX_BODY_BYTES} bytes; send the documents in several requests`,
	)

/** The body's text; a Response when it is too long, compressed, or not UTF-8. Reads no further than the bound. */
export async function readText(request: Request): Promise<Result<string, Response>> {
	const encoding = request.headers.get('content-encoding')
	if (encoding !== null && encoding.toLowerCase() !== 'identity') {
		return err(
			problem('unsupported-media-type', `Content-Encoding must be absent, not ${encoding.slice(0, 40)}`, {
				headers: { 'accept-encoding': 'identity' },
			}),
		)
	}
	if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) return err(tooLarge())
	const bytes = await readBytes(request, MAX_BODY_BYTES)
	if (bytes === undefined) return err(tooLarge())
	try {
		return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
	} catch {
		return err(invalidRequest([{ path: 'body', message: 'must be UTF-8 text' }]))
	}
}

/** The format that Content-Type says, or that the text looks like where the type says nothing. */
export function formatOf(contentType: string | null, text: string): Result<Format, Response> {
	const [type = '', ...parameters] = (contentType ?? 'text/plain').toLowerCase().split(';')
	const format = formats[type.trim()]
	const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='))
	if (format === undefined || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))) {
		return err(
			problem('unsupported-media-type', 'Content-Type must be application/yaml or application/json, in UTF-8', {
				headers: { accept: 'application/yaml, application/json' },
			}),
		)
	}
	if (format !== 'sniff') return ok(format)
	return ok(/^\s*[[{]/.test(text) ? 'json' : 'yaml')
}

/** A JSON body of the given shape. */
export async function readJson<T>(request: Request, schema: z.ZodType<T>): Promise<Result<T, Response>> {
	const text = await readText(request)
	if (!text.ok) return text
	const format = formatOf(request.headers.get('content-type'), '{')
	if (!format.ok || format.value !== 'json') {
		return err(
			problem('unsupported-media-type', 'Content-Type must be application/json', {
				headers: { accept: 'application/json' },
			}),
		)
	}
	let value: unknown
	try {
		value = JSON.parse(text.value)
	} catch (error) {
		const why = error instanceof Error ? error.message : 'it cannot be parsed'
		return err(invalidRequest([{ path: 'body', message: `must be JSON: ${why.slice(0, 200)}` }]))
	}
	const parsed = parseInput(schema, value, '')
	return parsed.ok ? parsed : err(invalidRequest(parsed.error))
}
