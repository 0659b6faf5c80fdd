/** What a rule asks of a request: path, method, headers, query parameters; all that are given must hold. */
import { z } from 'zod'
import { FieldValue } from './headerEdits.ts'
import { checkRegularExpression } from './regularExpression.ts'
import { HeaderName } from './scalars.ts'
import { firstOfEach } from './unique.ts'
import { checkPath } from './urlPath.ts'

function checkValue(check: (type: string, value: string) => string | undefined) {
	return ({ type, value }: { type: string; value: string }, context: z.RefinementCtx): void => {
		const message = check(type, value)
		if (message !== undefined) context.addIssue({ code: 'custom', path: ['value'], message })
	}
}

const expression = (type: string, value: string) =>
	type === 'RegularExpression' ? checkRegularExpression(value) : undefined

const PathMatch = z
	.strictObject({
		type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).default('PathPrefix'),
		value: z.string().max(1_024).default('/'),
	})
	.superRefine(checkValue((type, value) => (type === 'RegularExpression' ? expression(type, value) : checkPath(value))))
	.meta({ description: 'PathPrefix compares by segment; RegularExpression is RE2 and must match the whole path.' })

const matchType = z.enum(['Exact', 'RegularExpression']).default('Exact')

const HeaderMatch = z
	.strictObject({ type: matchType, name: HeaderName, value: FieldValue })
	.superRefine(checkValue(expression))

const QueryParamMatch = z
	.strictObject({ type: matchType, name: HeaderName, value: z.string().min(1).max(1_024) })
	.superRefine(checkValue(expression))

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproutematch */
export const RouteMatch = z.strictObject({
	path: PathMatch.prefault({}),
	method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']).exactOptional(),
	headers: z
		.array(HeaderMatch)
		.max(16)
		.default([])
		.overwrite(firstOfEach(({ name }) => name.toLowerCase())),
	queryParams: z
		.array(QueryParamMatch)
		.max(16)
		.default([])
		.overwrite(firstOfEach(({ name }) => name)),
})
export type RouteMatch = z.infer<typeof RouteMatch>
