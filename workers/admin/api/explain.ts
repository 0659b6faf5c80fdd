/** Why a request goes where it goes: explained by the data path's own stages, over what this region's proxies would load for it. */
import type { z } from 'zod'
import { explain as explained } from '../../../src/explain/explain.ts'
import type { Explanation } from '../../../src/explain/explanation.ts'
import { createKnowledge } from '../../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import type { ControlPlane } from '../../../src/proxy/ports.ts'
import { readJson } from '../body.ts'
import { explainBody } from '../input.ts'
import type { Mesh } from '../mesh.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { notTheirs } from '../scope.ts'
import { ownExplanation } from './ownExplanation.ts'

/** Requests explained at once in one isolate: each loads all rules of a host, and compiles them. */
const MAX_EXPLAINING = 8
let explaining = 0

export async function explain({ request, principal, mesh }: Call<unknown, unknown>): Promise<Response> {
	const asked = await readJson(request, explainBody)
	if (!asked.ok) return asked.error
	if (explaining >= MAX_EXPLAINING) return tooManyExplaining()
	explaining++
	try {
		const region = mesh.regionOf(request)
		const own = ownExplanation(await explainIn(mesh, region, asked.value), principal)
		return own === undefined ? notTheirs(principal) : json({ region, ...own })
	} finally {
		explaining--
	}
}

const tooManyExplaining = (): Response =>
	problem('unavailable', `${MAX_EXPLAINING} requests are already being explained here`, {
		headers: { 'retry-after': '1' },
	})

async function explainIn(mesh: Mesh, region: string, asked: z.output<typeof explainBody>): Promise<Explanation> {
	const { meshDomain, addresses, ownPort } = mesh.settings
	const replica = replicaOf(mesh, region)
	const table = createRoutingTable(meshDomain, () => 0, addresses, ownPort)
	const knowledge = createKnowledge(table, replica.controlPlane, mesh.now(), () => 0)
	const { source: caller, user, clientAddress = '' } = asked
	const described = { request: describedRequest(asked), caller, user, clientAddress }
	const explanation = await explained(knowledge, described, mesh.now())
	// The data path makes do without the control plane. Who asks why is told that there is no answer.
	replica.rethrow()
	return explanation
}

function replicaOf(mesh: Mesh, region: string): { readonly controlPlane: ControlPlane; rethrow(): void } {
	const failures: unknown[] = []
	const noted = (error: unknown) => {
		failures.push(error)
		throw error
	}
	return {
		controlPlane: {
			sync: (cursor) => mesh.replica(region).sync(region, cursor).catch(noted),
			load: (request) => mesh.replica(region).load(region, request).catch(noted),
			patience: (ms) => mesh.sleep(ms),
		},
		rethrow() {
			if (failures.length > 0) throw failures[0]
		},
	}
}

/** As a proxy would get it: with the fields that clients always send, and that the edge writes itself. */
function describedRequest({ method, url, headers: fields, clientAddress }: z.output<typeof explainBody>): Request {
	const headers = new Headers({ host: new URL(url).host })
	for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) headers.append(name, value)
	if (clientAddress !== undefined) headers.set('cf-connecting-ip', clientAddress)
	const hasBody =
		method !== 'GET' &&
		method !== 'HEAD' &&
		(Number(headers.get('content-length')) > 0 || headers.has('transfer-encoding'))
	return new Request(url, { method, headers, body: hasBody ? new Uint8Array(0) : null })
}
