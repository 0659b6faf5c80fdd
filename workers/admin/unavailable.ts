/** Which thrown errors mean that a Durable Object could not be reached or would not take more work. */

/**
 * The platform marks infrastructure errors `retryable` or `overloaded`, and those of an object's own code `remote`
 * (https://developers.cloudflare.com/durable-objects/best-practices/error-handling/). The latter are bugs.
 */
export function isUnavailable(error: unknown): boolean {
	if (typeof error !== 'object' || error === null) return false
	const marks = error as { retryable?: unknown; overloaded?: unknown; durableObjectReset?: unknown }
	return marks.retryable === true || marks.overloaded === true || marks.durableObjectReset === true
}
