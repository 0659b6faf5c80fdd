/** Entity tags and the conditions made of them (RFC 9110 §8.8.3 and §13.1). */
import { err, ok, type Result } from '../../src/result.ts'
import type { ProblemError } from './problem.ts'

export const etagOf = (version: string | number): string => `"${version}"`

/** Whether an `If-None-Match` list names this tag. Weak comparison, as the RFC asks for reads. */
export function noneMatchNames(header: string | null, etag: string): boolean {
	if (header === null) return false
	return header.split(',').some((candidate) => {
		const tag = candidate.trim()
		return tag === '*' || tag === etag || tag === `W/${etag}`
	})
}

/**
 * What a write expects of the resource: any state, that it does not exist (`If-None-Match: *`), that it exists
 * (`If-Match: *`), or a revision (`If-Match: "7"`). A weak or foreign tag never matches: RFC 9110 wants strong comparison.
 */
export type Expectation = 'anything' | 'absent' | 'present' | { readonly revision: number } | 'impossible'

export function expectationOf(headers: Headers): Result<Expectation, ProblemError> {
	const match = headers.get('if-match')?.trim()
	const noneMatch = headers.get('if-none-match')?.trim()
	if (match !== undefined && noneMatch !== undefined) {
		return err({ path: 'headers.If-Match', message: 'cannot be combined with If-None-Match; send one of them' })
	}
	if (noneMatch !== undefined) {
		if (noneMatch === '*') return ok('absent')
		return err({ path: 'headers.If-None-Match', message: 'must be * on a write: the resource must not exist yet' })
	}
	if (match === undefined) return ok('anything')
	if (match === '*') return ok('present')
	if (!/^(W\/)?"[\x21\x23-\x7e]*"$/.test(match)) {
		return err({ path: 'headers.If-Match', message: 'must be one entity tag in quotes, such as "7", or *' })
	}
	const revision = /^"([1-9]\d{0,14})"$/.exec(match)?.[1]
	return ok(revision === undefined ? 'impossible' : { revision: Number(revision) })
}
