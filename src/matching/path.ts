/** Whether one path matches one condition. Rules are looked up in an index instead; this is for the few outside it. */

/** A prefix holds by whole segments and ends without `/` (Gateway API, HTTPPathMatch): `/a` is no prefix of `/ab`. */
export function matchesPath(type: 'Exact' | 'PathPrefix', value: string, path: string): boolean {
	if (type === 'Exact') return path === value
	return path.startsWith(value) && (path.length === value.length || path.charCodeAt(value.length) === 47)
}
