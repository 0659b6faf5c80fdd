/** Which changes an actor may make: those limited to namespaces only what is theirs, and logins are an admin's alone. */
import { isMeshWide, ownsNamespace } from '../../src/namespaces.ts'
import type { ChangeRefusal, ChangeRequest, ResourceRef } from '../../src/ports.ts'
import type { Resource } from '../../src/resources/resource.ts'

interface Way {
	readonly ref: ResourceRef
	readonly before: Resource | undefined
	readonly after: Resource | undefined
}

/**
 * The first of the changes that the actor may not make, as a refusal that names what was asked for and nothing else. A dry run by
 * somebody who sees everything is nobody's harm.
 */
export function notPermitted(
	ways: readonly Way[],
	{ actor, put, remove, dryRun }: ChangeRequest,
	isRollback: boolean,
): ChangeRefusal | undefined {
	if (actor.namespaces === undefined && dryRun) return undefined
	for (const { ref, before, after } of ways) {
		const why = whyNot(ref, [before, after], actor)
		if (why === undefined) continue
		if (isRollback) return refuse('The rollback would change resources that are not for the actor to change')
		return refuse((put ?? []).length + (remove ?? []).length === 1 ? why : `Nothing was changed: ${why}`)
	}
	return undefined
}

const refuse = (detail: string): ChangeRefusal => ({ reason: 'not_permitted', detail })

function whyNot(
	{ kind, namespace, name }: ResourceRef,
	documents: readonly (Resource | undefined)[],
	actor: ChangeRequest['actor'],
): string | undefined {
	const what = namespace === '-' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`
	if (!ownsNamespace(actor, namespace)) return `${what} is in none of the namespaces of ${actor.name}`
	if (actor.namespaces !== undefined && documents.some((document) => document !== undefined && isMeshWide(document)))
		return `${what} speaks for the whole mesh, not for a namespace of ${actor.name}`
	return kind === 'AdminAccess' && actor.role !== 'admin' ? `${what} needs the role admin` : undefined
}
