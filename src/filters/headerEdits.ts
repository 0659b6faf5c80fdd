/** Header modifiers, compiled into one function over a message's headers. */
import type { HeaderEdits } from '../snapshot/filters.ts'

/**
 * Sets, then adds, then removes (Gateway API, HTTPHeaderFilter). Names are case-insensitive. A field that is added to one that is
 * there becomes another line of it. Names and values are valid (RFC 9110 §5.1, §5.5): with others the function throws.
 */
export function compileHeaderEdits(edits: HeaderEdits): (headers: Headers) => void {
	const { set = [], add = [], remove = [] } = edits
	return (headers) => {
		for (let i = 0; i < set.length; i++) headers.set(set[i]![0], set[i]![1])
		for (let i = 0; i < add.length; i++) headers.append(add[i]![0], add[i]![1])
		for (let i = 0; i < remove.length; i++) headers.delete(remove[i]!)
	}
}
