/** Which origins a CORS filter allows. */

/** A host name or an IP literal, without port: what `*` stands for. */
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/
const USUAL_PORT = /^(http:.*):80$|^(https:.*):443$/

/**
 * Makes a predicate on an Origin. `*` alone allows every one; within a host it stands for one or more characters, dots included, and
 * never for a port (GEP-1767). Scheme and host are compared without regard to case, and a scheme's usual port is the same as none.
 */
export function compileOrigins(allowed: readonly string[]): (origin: string) => boolean {
	if (allowed.includes('*')) return () => true
	const origins = allowed.map(canonical)
	const exact = new Set(origins.filter((origin) => !origin.includes('*')))
	const wildcards = origins.filter((origin) => origin.includes('*')).map(compileWildcard)
	return (said) => {
		const origin = canonical(said)
		return exact.has(origin) || wildcards.some((matches) => matches(origin))
	}
}

/** One `*` is a wildcard; another after it stands for itself, and so matches no host. */
function compileWildcard(pattern: string): (origin: string) => boolean {
	const star = pattern.indexOf('*')
	const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)]
	return (origin) =>
		origin.startsWith(before) &&
		origin.endsWith(after) &&
		HOST.test(origin.slice(before.length, origin.length - after.length))
}

const canonical = (origin: string): string => origin.toLowerCase().replace(USUAL_PORT, '$1$2')
