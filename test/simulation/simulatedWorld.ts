/** A world that users change, document by document, and the text in which they send each change. */
import { stringify } from 'yaml'
import type { DocumentFormat } from '../../src/resources/documents.ts'
import { MESH_DOMAIN } from '../unit/snapshot/memoryIndex.ts'
import { pick, type Random } from './chance.ts'
import { type Document, documentsOf, keyOf, type World } from './documents.ts'
import { NAMESPACES, randomDocument, randomRoute, SERVICES } from './randomDocuments.ts'

export interface Change {
	readonly text: string
	readonly format: DocumentFormat
	readonly removed: readonly string[]
	readonly now: number
}

export const emptyWorld = (): World => ({
	meshDomain: MESH_DOMAIN,
	ownPort: 8787,
	documents: new Map(),
	registered: new Set(),
})

/** Puts and removes at one time. A document that is there already keeps its age. */
function change(
	world: World,
	put: readonly Document[],
	removed: readonly string[],
	now: number,
	random: Random,
): Change {
	const documents = new Map(put.map((document) => [keyOf(document), document]))
	for (const key of removed) world.documents.delete(key)
	for (const [key, document] of documents)
		world.documents.set(key, { document, createdAt: world.documents.get(key)?.createdAt ?? now })
	const sent = [...documents.values()]
	const format = random() < 0.2 ? 'yaml' : 'json'
	const text = format === 'yaml' ? sent.map((document) => stringify(document)).join('---\n') : JSON.stringify(sent)
	return { text, format, removed, now }
}

const BATCH = 100

/** Everything that routes refer to, then `routes` of them, many of one age. */
export function* populate(world: World, random: Random, routes: number): Generator<Change> {
	yield change(
		world,
		Array.from({ length: 150 }, () => randomDocument(random, world)),
		[],
		0,
		random,
	)
	for (let made = 0, now = 1; made < routes; made += BATCH, now++) {
		const batch = Array.from({ length: Math.min(BATCH, routes - made) }, (_, i) =>
			randomRoute(random, pick(random, NAMESPACES), `r${made + i}`, world),
		)
		yield change(world, batch, [], now, random)
	}
}

/** Routes are edited, go, and come back; so does what they refer to. As many routes as before are there afterwards. */
export function disturb(world: World, random: Random, now: number): Change[] {
	const routes = documentsOf(world, 'HTTPRoute')
	const renewed = Array.from({ length: 60 }, () => {
		const { namespace, name } = pick(random, routes).metadata
		return randomRoute(random, namespace, name, world)
	})
	const others = Array.from({ length: 8 }, () => randomDocument(random, world))
	const gone = new Set(Array.from({ length: 20 }, () => keyOf(pick(random, routes))))
	const returning = routes.filter((route) => gone.has(keyOf(route)))
	const edited = renewed.filter((route) => !gone.has(keyOf(route)))
	const spare = [...world.documents.keys()].filter((key) => /^(Service|ReferenceGrant|TrafficMatch)\//.test(key))
	return [
		change(world, [...edited, ...others], [], now, random),
		change(world, [], [...gone, pick(random, spare)], now + 1, random),
		change(world, returning, [], now + 2, random),
	]
}

export function registerSome(world: World, random: Random): string {
	const service = `${pick(random, NAMESPACES)}/${pick(random, SERVICES)}`
	world.registered.add(service)
	return service
}
