/** Commits a change of resources: documents, references, build, history and audit, all in the caller's one transaction. */

import { type ResourceKey, resourceKey } from '../src/names.ts'
import type { ChangeAction, ChangeOutcome, ChangeRequest, ChangeResult, ResourceRef } from '../src/ports.ts'
import { keyOf, type Resource } from '../src/resources/resource.ts'
import { build, type Changed } from '../src/snapshot/build.ts'
import { referencesOf } from '../src/snapshot/references.ts'
import type { ResourceIndex } from '../src/snapshot/resourceIndex.ts'
import { currentRevision, writeMeta } from './policyMeta.ts'
import { storeBuilt } from './policyParts.ts'

export interface CommitContext {
	readonly meshDomain: string
	readonly now: number
	/** `apply`, `delete`, `rollback to 7`. */
	readonly cause: string
}

/** One resource's way from what was to what is. */
interface Difference {
	readonly ref: ResourceRef
	readonly key: ResourceKey
	readonly action: ChangeAction
	readonly before: Resource | undefined
	readonly after: Resource | undefined
}

/** A change that changes nothing makes no revision. */
export function commit(
	sql: SqlStorage,
	index: ResourceIndex,
	request: ChangeRequest,
	context: CommitContext,
): ChangeOutcome {
	const differences = differencesOf(request, index)
	const real = differences.filter(({ action }) => action !== 'unchanged')
	const revision = real.length === 0 ? currentRevision(sql) : currentRevision(sql) + 1
	if (real.length > 0) {
		writeMeta(sql, 'revision', revision)
		for (const difference of real) storeDocument(sql, difference, revision, context.now)
		const changed = real.map(
			({ key, action, before }): Changed => ({ key, before, existence: action !== 'configured' }),
		)
		storeBuilt(sql, build(changed, index, context), revision)
		storeHistory(sql, real, revision, request, context)
	}
	return { revision, results: differences.map((difference) => resultOf(difference, index)) }
}

function differencesOf(request: ChangeRequest, index: ResourceIndex): Difference[] {
	const puts = (request.put ?? []).map((after): Difference => {
		const key = keyOf(after)
		const before = index.get(key)?.resource
		const { namespace, name } = after.metadata
		const action = before === undefined ? 'created' : same(before, after) ? 'unchanged' : 'configured'
		return { ref: { apiVersion: after.apiVersion, kind: after.kind, namespace, name }, key, action, before, after }
	})
	const removals = (request.remove ?? []).map((ref): Difference => {
		const key = resourceKey(ref.kind, ref.namespace, ref.name)
		const before = index.get(key)?.resource
		return { ref, key, action: before === undefined ? 'unchanged' : 'deleted', before, after: undefined }
	})
	return [...puts, ...removals]
}

/** Both went through the same schema, so equal documents have equal text. */
const same = (a: Resource, b: Resource): boolean => JSON.stringify(a) === JSON.stringify(b)

function storeDocument(sql: SqlStorage, { key, ref, after }: Difference, revision: number, now: number): void {
	sql.exec('DELETE FROM refs WHERE source = ?', key)
	if (after === undefined) {
		sql.exec('DELETE FROM resources WHERE key = ?', key)
		return
	}
	sql.exec(
		`INSERT INTO resources (key, kind, namespace, name, document, generation, created_at, revision)
			VALUES (?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (key) DO UPDATE SET
			document = excluded.document, generation = generation + 1, revision = excluded.revision`,
		key,
		ref.kind,
		ref.namespace,
		ref.name,
		JSON.stringify(after),
		now,
		revision,
	)
	for (const target of referencesOf(after))
		sql.exec('INSERT OR IGNORE INTO refs (target, source) VALUES (?, ?)', target, key)
}

function storeHistory(
	sql: SqlStorage,
	differences: readonly Difference[],
	revision: number,
	{ actor }: ChangeRequest,
	{ now, cause }: CommitContext,
): void {
	sql.exec('INSERT INTO revisions (revision, at, actor, cause) VALUES (?, ?, ?, ?)', revision, now, actor.name, cause)
	for (const { key, action, before, after } of differences)
		sql.exec(
			'INSERT INTO changes (revision, key, action, before, after) VALUES (?, ?, ?, ?, ?)',
			revision,
			key,
			action,
			before === undefined ? null : JSON.stringify(before),
			after === undefined ? null : JSON.stringify(after),
		)
	sql.exec(
		'INSERT INTO audit (at, actor, role, action, revision) VALUES (?, ?, ?, ?, ?)',
		now,
		actor.name,
		actor.role,
		cause,
		revision,
	)
}

function resultOf({ ref, key, action }: Difference, index: ResourceIndex): ChangeResult {
	const status = action === 'deleted' ? undefined : index.get(key)?.status
	return { ...ref, action, ...(status === undefined ? {} : { status }) }
}
