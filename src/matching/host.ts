/** Which hostname patterns can match a host, the most specific first. */

/**
 * `a.b.c` → `a.b.c`, `*.b.c`, `*.c`, `*`. A wildcard stands for one or more labels and never for none
 * (Gateway API, `Hostname`: "*.example.com" matches "test.example.com" and "foo.test.example.com", not "example.com").
 */
export function patternsFor(host: string): string[] {
	const patterns = [host]
	for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) patterns.push(`*${host.slice(dot)}`)
	patterns.push('*')
	return patterns
}

/** Whether a host matches a pattern: equal, or below `*.suffix`, or anything for `*`. */
export function hostMatches(pattern: string, host: string): boolean {
	if (pattern === host || pattern === '*') return true
	return pattern.startsWith('*.') && host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
}

/** Whether any host matches both patterns (Gateway API: a route attaches where its hostnames and the listener's intersect). */
export function hostsIntersect(a: string, b: string): boolean {
	if (a === b || a === '*' || b === '*') return true
	if (a.startsWith('*.') && b.startsWith('*.')) return a.endsWith(b.slice(1)) || b.endsWith(a.slice(1))
	return a.startsWith('*.') ? hostMatches(a, b) : hostMatches(b, a)
}
