/** Values as text formats give them: what they may not hold, and what they leave out by saying null. */

const MAX_DEPTH = 64

/** Why a value cannot be a document: nested too deeply, containing itself, or aiming at JavaScript's prototypes. */
export function plainProblem(value: unknown, depth = 0): { readonly message: string } | undefined {
	if (typeof value !== 'object' || value === null) return undefined
	// An alias inside its own anchor makes a value without end, which is deeper than any bound.
	if (depth === MAX_DEPTH) return { message: `must be nested at most ${MAX_DEPTH} levels deep` }
	if (Object.hasOwn(value, '__proto__')) return { message: "must not have a key '__proto__'" }
	for (const inner of Object.values(value)) {
		const problem = plainProblem(inner, depth + 1)
		if (problem !== undefined) return problem
	}
	return undefined
}

/** The value without the keys whose value is null: Kubernetes takes null for absent. Nulls in lists stay. */
export function withoutNulls(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withoutNulls)
	if (typeof value !== 'object' || value === null) return value
	return Object.fromEntries(
		Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner)]])),
	)
}

export function containsNull(value: unknown): boolean {
	return value === null || (typeof value === 'object' && Object.values(value).some(containsNull))
}
