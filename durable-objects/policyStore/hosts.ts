/** Which hosts a Gateway may be made to answer for by somebody who is limited to namespaces: none that is others' already. */
import { patternsFor } from '../../src/matching/host.ts'
import { ownsKey, ownsNamespace } from '../../src/namespaces.ts'
import type { ChangeRefusal, ChangeRequest } from '../../src/ports.ts'
import type { Gateway } from '../../src/resources/gateway.ts'
import { keyOf } from '../../src/resources/resource.ts'
import { err, type Result } from '../../src/result.ts'
import { listenerPattern, patternTarget } from '../../src/snapshot/references.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'

/**
 * A listener takes its hosts from every one that is less specific, and shares them with its equals. Whoever could claim any host would
 * be sent the requests to others, past their policies and with what their users show. What a Gateway has already it keeps.
 */
export function claimsHostOfOthers(
	index: ResourceIndex,
	{ actor, put = [] }: ChangeRequest,
): Result<never, ChangeRefusal> | undefined {
	if (actor.namespaces === undefined) return undefined
	const isOthers = (pattern: string) =>
		patternsFor(pattern).some((wider) => index.referrers(patternTarget(wider)).some((key) => !ownsKey(actor, key)))
	for (const resource of put) {
		const { kind, metadata } = resource
		if (kind !== 'Gateway' || !ownsNamespace(actor, metadata.namespace)) continue
		const held = patternsOf(index.get(keyOf(resource))?.resource as Gateway | undefined)
		const claimed = patternsOf(resource).find((pattern) => !held.includes(pattern) && isOthers(pattern))
		if (claimed === undefined) continue
		const detail = `Nothing was changed: Gateway/${metadata.namespace}/${metadata.name} claims ${claimed}, which a Gateway in none of the namespaces of ${actor.name} answers for`
		return err({ reason: 'not_permitted', detail })
	}
	return undefined
}

const patternsOf = (gateway: Gateway | undefined): readonly string[] =>
	(gateway?.spec.listeners ?? []).map(listenerPattern)
