/** What is wrong with a document, and where. */

/**
 * Gateway API's own word for a mistake, where it has one: filters that exclude each other, or a value that Gateway API
 * knows and this mesh does not offer (https://gateway-api.sigs.k8s.io/reference/spec/, RouteConditionReason).
 */
export type ErrorReason = 'IncompatibleFilters' | 'UnsupportedValue'

export interface DocumentError {
	/** Position of the document in the request, from 1. */
	readonly document: number
	readonly kind?: string
	readonly namespace?: string
	readonly name?: string
	/** The field, e.g. `spec.rules[0].matches[1].path.value`; empty when the document as a whole is meant. */
	readonly path: string
	/** Says what would be right. */
	readonly message: string
	readonly reason?: ErrorReason
	/** Line of the request's text, from 1. */
	readonly line?: number
}

/** A problem inside a document, before it is known which document that is. */
export interface Problem {
	readonly path: readonly PropertyKey[]
	readonly message: string
	readonly reason?: ErrorReason
}

/** `spec.rules[0].matches`; a key that is no plain word is quoted: `metadata.labels["a.b/c"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
	return path.reduce<string>((text, segment) => {
		if (typeof segment === 'number') return `${text}[${segment}]`
		const key = String(segment)
		if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)) return `${text}[${JSON.stringify(key)}]`
		return text === '' ? key : `${text}.${key}`
	}, '')
}
