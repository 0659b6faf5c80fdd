/** Commits a change of resources: documents, references, build, history and audit, all in the caller's one transaction. */

import { canonicalJson } from '../../src/audit/canonicalJson.ts'
import { type ResourceKey, resourceKey, virtualHostPart } from '../../src/names.ts'
import { ownsPart } from '../../src/namespaces.ts'
import type {
	ChangeAction,
	ChangeOutcome,
	ChangeRefusal,
	ChangeRequest,
	ChangeResult,
	ResourceRef,
} from '../../src/ports.ts'
import { keyOf, type Resource } from '../../src/resources/resource.ts'
import { err, ok, type Result } from '../../src/result.ts'
import type { Changed } from '../../src/snapshot/affected.ts'
import { build } from '../../src/snapshot/build.ts'
import { collectEffect, type PartChange } from '../../src/snapshot/effect/effect.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import { appendAudit } from './audit.ts'
import { requireFewPolicies } from './crowds.ts'
import { storeWatches } from './health.ts'
import { requireShareOfIssuers } from './issuers.ts'
import { currentRevision, currentSequence, writeMeta } from './meta.ts'
import { stands, storeBuilt } from './parts.ts'
import { notPermitted } from './permission.ts'
import { storeReferences } from './reread.ts'
import { storeBelieved } from './trust.ts'

export interface CommitContext {
	readonly meshDomain: string
	readonly now: number
	/** `apply`, `delete`, `rollback to 7`. */
	readonly cause: string
	/** For a rollback: when what it puts back was created. A route's age decides between routes as specific as each other. */
	readonly createdAt?: ReadonlyMap<ResourceKey, number>
}

/** One resource's way from what was to what is. */
interface Difference {
	readonly ref: ResourceRef
	readonly key: ResourceKey
	readonly action: ChangeAction
	readonly before: Resource | undefined
	readonly after: Resource | undefined
	/** ms since the epoch: when the resource before was created, and what is stored of the one after. */
	readonly createdAt: { readonly before: number | undefined; readonly after: number }
}

/** A change that changes nothing makes no revision. A dry run is carried out like any other; its caller rolls it back. */
export function commit(
	sql: SqlStorage,
	index: ResourceIndex,
	request: ChangeRequest,
	context: CommitContext,
): Result<ChangeOutcome, ChangeRefusal> {
	const differences = differencesOf(request, index, context)
	const real = differences.filter(({ action }) => action !== 'unchanged')
	// Of a rollback nobody named the resources: what it leaves as it is, is not asked for.
	const isRollback = context.createdAt !== undefined
	const refusal = notPermitted(isRollback ? real : differences, request, isRollback)
	if (refusal !== undefined) return err(refusal)
	const current = currentRevision(sql)
	const revision = real.length === 0 ? current : current + 1
	const preview = request.dryRun ? collectEffect() : undefined
	if (real.length > 0) {
		writeMeta(sql, 'revision', revision)
		for (const difference of real) storeDocument(sql, difference, revision)
		const changed = real.map(
			({ key, action, before }): Changed => ({ key, before, existence: action !== 'configured' }),
		)
		const built = build(changed, index, context)
		requireFewPolicies(sql, index, built, new Set(real.map(({ key }) => key)))
		requireShareOfIssuers(index, changed)
		const tell = preview && ((change: PartChange) => ownsPart(request.actor, change.name) && preview.add(change))
		// Replicas learn of a revision by the sequence going on, even where it changes no part.
		if (storeBuilt(sql, built, revision, tell) === 0) writeMeta(sql, 'sequence', currentSequence(sql) + 1)
		storeWatches(sql, index, built, context.now)
		if (real.some(({ ref }) => ref.kind === 'FederatedTrustDomain')) storeBelieved(sql, index)
		storeHistory(sql, real, revision, request, context)
	}
	const results = differences.map((difference) => resultOf(difference, index))
	if (preview === undefined) return ok({ revision, results })
	// Which other virtual hosts there are is not for everybody to know.
	const isLimited = request.actor.namespaces !== undefined
	const effect = preview.effect((pattern) => !isLimited && stands(sql, virtualHostPart(pattern)))
	return ok({ revision, results, currentRevision: current, effect })
}

function differencesOf(request: ChangeRequest, index: ResourceIndex, context: CommitContext): Difference[] {
	const puts = (request.put ?? []).map((after): Difference => {
		const key = keyOf(after)
		const found = index.get(key)
		const before = found?.resource
		const createdAt = {
			before: found?.createdAt,
			after: context.createdAt?.get(key) ?? found?.createdAt ?? context.now,
		}
		const unchanged = before !== undefined && same(before, after) && createdAt.before === createdAt.after
		const action = before === undefined ? 'created' : unchanged ? 'unchanged' : 'configured'
		const { namespace, name } = after.metadata
		const ref = { apiVersion: after.apiVersion, kind: after.kind, namespace, name }
		return { ref, key, action, before, after, createdAt }
	})
	const removals = (request.remove ?? []).map((ref): Difference => {
		const key = resourceKey(ref.kind, ref.namespace, ref.name)
		const found = index.get(key)
		const createdAt = { before: found?.createdAt, after: context.now }
		const action = found === undefined ? 'unchanged' : 'deleted'
		return { ref, key, action, before: found?.resource, after: undefined, createdAt }
	})
	return [...puts, ...removals]
}

/** Both went through the same schema, though one of them twice, when it was read again: its members may be in another order. */
const same = (a: Resource, b: Resource): boolean =>
	JSON.stringify(a) === JSON.stringify(b) || canonicalJson(a) === canonicalJson(b)

function storeDocument(sql: SqlStorage, { key, ref, after, createdAt }: Difference, revision: number): void {
	sql.exec('DELETE FROM refs WHERE source = ?', key)
	if (after === undefined) {
		sql.exec('DELETE FROM resources WHERE key = ?', key)
		return
	}
	sql.exec(
		`INSERT INTO resources (key, kind, namespace, name, document, generation, created_at, revision)
			VALUES (?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (key) DO UPDATE SET
			document = excluded.document, generation = generation + 1, created_at = excluded.created_at,
			revision = excluded.revision`,
		key,
		ref.kind,
		ref.namespace,
		ref.name,
		JSON.stringify(after),
		createdAt.after,
		revision,
	)
	storeReferences(sql, key, after)
}

function storeHistory(
	sql: SqlStorage,
	differences: readonly Difference[],
	revision: number,
	{ actor }: ChangeRequest,
	{ now, cause }: CommitContext,
): void {
	sql.exec('INSERT INTO revisions (revision, at, actor, cause) VALUES (?, ?, ?, ?)', revision, now, actor.name, cause)
	for (const { key, action, before, after, createdAt } of differences)
		sql.exec(
			'INSERT INTO changes (revision, key, action, before, after, created_at) VALUES (?, ?, ?, ?, ?, ?)',
			revision,
			key,
			action,
			before === undefined ? null : JSON.stringify(before),
			after === undefined ? null : JSON.stringify(after),
			createdAt.before ?? null,
		)
	appendAudit(sql, { at: now, actor, action: cause, revision })
}

function resultOf({ ref, key, action }: Difference, index: ResourceIndex): ChangeResult {
	const status = action === 'deleted' ? undefined : index.get(key)?.status
	return { ...ref, action, ...(status === undefined ? {} : { status }) }
}
