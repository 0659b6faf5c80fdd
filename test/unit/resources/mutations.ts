/** Random changes to a document: fields dropped, doubled under other names, moved, and replaced by what does not belong. */

const strange = (random: () => number): unknown => {
	const values = [null, '', 'x', '--', 0, -1, 1.5, 1e300, true, [], {}, [[]], [null], { x: 1 }, 'a'.repeat(5_000)]
	return values[Math.floor(random() * values.length)]
}

/** A copy of the value with one change somewhere in it. */
export function mutated(value: unknown, random: () => number): unknown {
	if (typeof value !== 'object' || value === null || random() < 0.05) return strange(random)
	const copy = structuredClone(value) as Record<string, unknown>
	const keys = Object.keys(copy)
	const key = keys[Math.floor(random() * keys.length)]
	if (key === undefined) return strange(random)
	const choice = random()
	if (choice < 0.1 && !Array.isArray(copy)) delete copy[key]
	else if (choice < 0.2) copy[Array.isArray(copy) ? copy.length : `${key}x`] = structuredClone(copy[key])
	else if (choice < 0.25) Object.defineProperty(copy, '__proto__', { value: {}, enumerable: true })
	else copy[key] = mutated(copy[key], random)
	return copy
}
