/** The sentences in which a schema's complaints reach people. */
import type { z } from 'zod'
import { err, ok, type Result } from '../result.ts'
import { type ErrorReason, formatPath, type Problem } from './documentError.ts'
import { containsNull, withoutNulls } from './plainValue.ts'
import { unsupported } from './unsupported.ts'

type RawIssue = z.core.$ZodRawIssue
type Issue = z.core.$ZodIssue

const named: Readonly<Record<string, string>> = {
	string: 'a string',
	number: 'a number',
	int: 'a whole number',
	boolean: 'true or false',
	array: 'a list',
	object: 'a mapping',
	record: 'a mapping',
}

/** What the schema makes of a document, or everything that it has against it. Null is read as absent, as Kubernetes does. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): Result<T, Problem[]> {
	const parsed = parsePlain(schema, withoutNulls(value))
	const unknown = containsNull(value) ? unknownNulls(schema, value) : []
	if (unknown.length === 0) return parsed
	return err([...(parsed.ok ? [] : parsed.error.filter(beside(unknown))), ...unknown])
}

/** The same for what is no document: null is a value like others. */
export function parsePlain<T>(schema: z.ZodType<T>, value: unknown): Result<T, Problem[]> {
	const parsed = schema.safeParse(value, { error: sentence, reportInput: true })
	return parsed.success ? ok(parsed.data) : err(telling(parsed.error.issues).flatMap(problemsOfIssue))
}

/**
 * A value of the wrong type may also have the wrong length: that says nothing more. What a mapping as a whole lacks, a field that
 * is not known may have been meant to say.
 */
function telling(issues: readonly Issue[]): readonly Issue[] {
	const pathsOf = (wanted: Issue['code']) =>
		new Set(issues.flatMap(({ code, path }) => (code === wanted ? [formatPath(path)] : [])))
	const [mistyped, misspelt] = [pathsOf('invalid_type'), pathsOf('unrecognized_keys')]
	return issues.filter(({ code, path }) => {
		if (code === 'invalid_type') return true
		const at = formatPath(path)
		return !mistyped.has(at) && !(code === 'custom' && misspelt.has(at))
	})
}

/** Of problems, those that are not about a mapping in which one of the unknown fields is. */
function beside(unknown: readonly Problem[]): (problem: Problem) => boolean {
	const misspelt = new Set(unknown.map(({ path }) => formatPath(path.slice(0, -1))))
	return ({ path }) => !misspelt.has(formatPath(path))
}

/** Fields that the schema does not know stay errors when they are null. */
function unknownNulls(schema: z.ZodType, value: unknown): Problem[] {
	const issues = schema.safeParse(value, { error: sentence }).error?.issues ?? []
	return issues
		.filter(({ code }) => code === 'unrecognized_keys')
		.flatMap(problemsOfIssue)
		.filter(({ path }) => valueAt(value, path) === null)
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
	path.reduce((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value)

/** As many unknown fields of one mapping have a sentence of their own. */
const MAX_EXPLAINED = 100

/** For `safeParse`: what would be right. A field's own message, where its schema has one, comes first. */
function sentence(issue: RawIssue): string | undefined {
	switch (issue.code) {
		case 'invalid_type':
			return wrongType(issue.expected, issue.input)
		case 'invalid_value':
			return oneOf(issue.values, issue.input)
		case 'invalid_union':
			return oneOf((issue.options ?? []) as readonly unknown[], valueAt(issue.input, [issue.discriminator ?? '']))
		case 'too_small':
			return tooFar(issue.origin, issue.minimum, 'at least')
		case 'too_big':
			return tooFar(issue.origin, issue.maximum, 'at most')
		case 'unrecognized_keys':
			return issue.keys
				.slice(0, MAX_EXPLAINED)
				.map((key) => unknownField(key, issue.inst))
				.join('\n')
		default:
			return undefined
	}
}

function problemsOfIssue(issue: Issue): Problem[] {
	if (issue.code === 'unrecognized_keys') {
		const messages = issue.message.split('\n')
		return issue.keys.map((key, i) => ({ path: [...issue.path, key], message: messages[i] ?? 'is not a field here' }))
	}
	if (issue.code === 'invalid_key')
		return issue.issues.map(({ message }) => ({ path: issue.path, message: `the key ${message}` }))
	const reason = reasonOf(issue)
	return [{ path: issue.path, message: issue.message, ...(reason === undefined ? {} : { reason }) }]
}

/** The reason that a check gave, or Gateway API's for values that are none of those offered. */
function reasonOf(issue: Issue): ErrorReason | undefined {
	if (issue.code === 'custom') return issue.params?.reason as ErrorReason | undefined
	const given = issue.code === 'invalid_union' ? valueAt(issue.input, [issue.discriminator ?? '']) : issue.input
	const isChoice = issue.code === 'invalid_union' || (issue.code === 'invalid_value' && issue.values.length > 1)
	return isChoice && given !== undefined ? 'UnsupportedValue' : undefined
}

function oneOf(values: readonly unknown[], given: unknown): string {
	if (given === undefined) return 'is required'
	return `must be ${values.length === 1 ? '' : 'one of '}${values.map(String).join(', ')}`
}

function wrongType(expected: string, input: unknown): string {
	if (input === undefined) return 'is required'
	const quotes = expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')
	return `must be ${named[expected] ?? expected}${quotes ? ', in quotes' : ''}`
}

function tooFar(origin: string, limit: number | bigint, word: 'at least' | 'at most'): string {
	const many = limit.toLocaleString('en')
	if (origin === 'string') return `must be ${word} ${many} ${limit === 1 ? 'character' : 'characters'} long`
	if (origin === 'array') return `must have ${word} ${many} ${limit === 1 ? 'entry' : 'entries'}`
	return `must be ${word} ${many}`
}

function unknownField(key: string, schema: unknown): string {
	const object = schema as z.ZodObject | undefined
	const reason = object === undefined ? undefined : unsupported.get(object)?.[key]
	if (reason !== undefined) return reason
	const fields = Object.keys(object?.shape ?? {})
	return `is not a field here; must be one of ${fields.join(', ')}`
}
