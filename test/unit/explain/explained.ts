/** Explanations of requests, as a cold isolate on a fake replica would give them. */

import { type Described, explain } from '../../../src/explain/explain.ts'
import type { Explanation, Stage } from '../../../src/explain/explanation.ts'
import { createKnowledge } from '../../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import type { Filters } from '../../../src/snapshot/filters.ts'
import type { Backend, PartBody, Rule, ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { START } from '../proxy/fakeProxy.ts'
import { DOMAIN, type FakeReplica, fakeReplica, head, rule, service, slice } from '../proxy/knowledge/fakeReplica.ts'

export const CLIENT = '192.0.2.1'

export function explainOn(
	replica: FakeReplica,
	request: Request,
	{ caller, ownPort, user }: { caller?: Described['caller']; ownPort?: number; user?: Described['user'] } = {},
): Promise<Explanation> {
	const table = createRoutingTable(DOMAIN, () => 0, 'names', ownPort)
	const knowledge = createKnowledge(table, replica.controlPlane, START, () => 0)
	return explain(knowledge, { request, caller, user, clientAddress: CLIENT }, START)
}

/** Explains a GET, or the request given, on a mesh of these parts. */
export function explained(
	parts: Readonly<Record<string, PartBody>>,
	url: string | Request,
	options?: Parameters<typeof explainOn>[2],
) {
	const replica = fakeReplica()
	replica.change(parts)
	return explainOn(replica, typeof url === 'string' ? new Request(url) : url, options)
}

export const stageOf = <S extends Stage['stage']>({ stages }: Pick<Explanation, 'stages'>, stage: S) =>
	stages.find((each) => each.stage === stage) as (Stage & { readonly stage: S }) | undefined

// === meshes ===

/** One rule for everything on h.test, to d/web. */
export const withRule = (more: Partial<Rule>): Record<string, PartBody> => ({
	...head('h.test'),
	...slice('h.test', 'r', [{ ...rule('default/r/0', '', 'd/web'), ...more }]),
	...service('d/web', { id: 'web1' }, { id: 'web2' }),
	...service('d/other', { id: 'other1' }),
})
export const withFilters = (filters: Filters) => withRule({ filters })
export const to = (...backends: Backend[]) => withRule({ backends })
export const secured = (credential: ServiceTarget['credential']) => {
	const [[name, body]] = Object.entries(service('d/web', { id: 'web1' })) as [[string, ServiceTarget]]
	return { [name]: { ...body, external: true as const, ...(credential && { credential }) } }
}
