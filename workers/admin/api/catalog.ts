/** The catalog of services in pages: all of it, or the part of those who are limited to namespaces. */
import type { CatalogEntry, Page, Principal } from '../../../src/ports.ts'
import type { Mesh } from '../mesh.ts'
import { hashOf } from '../tokens.ts'

const PAGE = 500

interface Asked {
	readonly limit: number
	readonly after?: string
}

/** `version` changes when the whole listing does; for who is limited, when the page does: of the rest nothing is told. */
export async function catalogPage(
	mesh: Mesh,
	region: string,
	{ namespaces }: Pick<Principal, 'namespaces'>,
	asked: Asked,
): Promise<Page<CatalogEntry> & { readonly version: string }> {
	if (namespaces === undefined) return mesh.replica(region).services(region, asked)
	const page = await limitedPage(mesh, region, namespaces, asked)
	const shown = page.items.map(({ namespace, name, version }) => [namespace, name, version])
	return { ...page, version: (await hashOf(JSON.stringify([shown, page.next]))).slice(0, 32) }
}

/** Names are in order, and those of a namespace follow each other: each of the namespaces is looked up where it begins. */
async function limitedPage(
	mesh: Mesh,
	region: string,
	namespaces: readonly string[],
	{ limit, after = '' }: Asked,
): Promise<Page<CatalogEntry>> {
	const items: CatalogEntry[] = []
	for (const prefix of namespaces.map((namespace) => `${namespace}/`).sort()) {
		if (prefix < after && !after.startsWith(prefix)) continue
		let from: string | undefined = prefix < after ? after : prefix
		while (from !== undefined && items.length < limit) {
			const room = limit - items.length
			const page: Page<CatalogEntry> = await mesh.replica(region).services(region, { limit: room, after: from })
			const own = page.items.filter((entry) => nameOf(entry).startsWith(prefix))
			items.push(...own)
			from = own.length < page.items.length ? undefined : page.next
			// The replica stopped because one answer would have become too long.
			if (from !== undefined && page.items.length < room) return { items, next: from }
		}
	}
	const last = items.at(-1)
	return items.length >= limit && last !== undefined ? { items, next: nameOf(last) } : { items }
}

const nameOf = ({ namespace, name }: CatalogEntry): string => `${namespace}/${name}`

/** Every service, or every one of who is limited. */
export async function* catalog(
	mesh: Mesh,
	region: string,
	who: Pick<Principal, 'namespaces'>,
): AsyncGenerator<CatalogEntry> {
	let after: string | undefined
	do {
		const page = await catalogPage(mesh, region, who, { limit: PAGE, ...(after === undefined ? {} : { after }) })
		yield* page.items
		after = page.next
	} while (after !== undefined)
}
