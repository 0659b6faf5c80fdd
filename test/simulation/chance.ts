/** Ways to draw from a small world, so that what is drawn collides often. */

/** Uniform in [0, 1). */
export type Random = () => number

export const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

export const upTo = (random: Random, max: number): number => Math.floor(random() * (max + 1))

export const some = <T>(random: Random, least: number, most: number, make: (i: number) => T): T[] =>
	Array.from({ length: least + upTo(random, most - least) }, (_, i) => make(i))

/** The fields with this chance, otherwise none. */
export const maybe = <T extends object>(random: Random, chance: number, fields: () => T): Partial<T> =>
	random() < chance ? fields() : {}
