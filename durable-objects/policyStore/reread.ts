/** Documents of an earlier version of the mesh, brought into today's form: what its schemas did not know gets its default. */
import { createHash } from 'node:crypto'
import type { ResourceKey } from '../../src/names.ts'
import { jsonSchemas, kindByName } from '../../src/resources/kinds.ts'
import type { Resource } from '../../src/resources/resource.ts'
import { referencesOf } from '../../src/snapshot/references.ts'
import { readMeta, writeMeta } from './meta.ts'

/** One document at a time is in memory, but a batch of keys. */
const BATCH = 1_000

let digest: string | undefined
/** Changes whenever a schema does, so that nobody has to remember to say so. */
const schemasDigest = (): string => {
	digest ??= createHash('sha256').update(JSON.stringify(jsonSchemas())).digest('hex').slice(0, 16)
	return digest
}

/** Reads every document again, if the schemas are others than those it was stored with. In the caller's transaction. */
export function rereadDocuments(sql: SqlStorage): void {
	if (readMeta(sql, 'schemas') === schemasDigest()) return
	for (let after = ''; ; ) {
		const keys = Array.from(
			sql.exec<{ key: string }>('SELECT key FROM resources WHERE key > ? ORDER BY key LIMIT ?', after, BATCH),
			({ key }) => key,
		)
		for (const key of keys) rereadDocument(sql, key)
		if (keys.length < BATCH) break
		after = keys.at(-1)!
	}
	writeMeta(sql, 'schemas', schemasDigest())
}

function rereadDocument(sql: SqlStorage, key: string): void {
	const { document } = sql.exec<{ document: string }>('SELECT document FROM resources WHERE key = ?', key).one()
	const resource = reread(document)
	const today = JSON.stringify(resource)
	if (today !== document) sql.exec('UPDATE resources SET document = ? WHERE key = ?', today, key)
	sql.exec('DELETE FROM refs WHERE source = ?', key)
	storeReferences(sql, key, resource)
}

/** What the resource mentions, so that a change of it finds the resource. Today's version may look at more than an earlier one did. */
export function storeReferences(sql: SqlStorage, key: ResourceKey, resource: Resource): void {
	for (const target of referencesOf(resource))
		sql.exec('INSERT OR IGNORE INTO refs (target, source) VALUES (?, ?)', target, key)
}

/** The resource that a stored text holds. One that today's schema refuses stays as it was: it was good when it came. */
export function reread(document: string): Resource {
	const resource = JSON.parse(document) as Resource
	const parsed = kindByName(resource.kind)?.schema.safeParse(resource)
	return parsed?.success ? parsed.data : resource
}
