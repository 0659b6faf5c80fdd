/** The data path of a warm isolate over made-up parts, without a network: endpoints and the control plane answer at once. */
import type { LoadRequest } from '../../../src/ports.ts'
import { createKnowledge } from '../../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import { pipeline, type Serve } from '../../../src/proxy/pipeline.ts'
import type { ProxyPorts } from '../../../src/proxy/ports.ts'
import type { Part, PartBody } from '../../../src/snapshot/snapshot.ts'

/** `domain` is the mesh's; the parts are those of `host`. */
export function serveParts(
	domain: string,
	host: string,
	parts: readonly Part[],
	ports: Pick<ProxyPorts, 'send'> & Partial<ProxyPorts>,
): Serve {
	const cursor = { epoch: 'bench', sequence: 1 }
	const load = async ({ hosts = [] }: LoadRequest) => ({
		...{ cursor, revision: 1, parts, filter: { bits: new Uint8Array(1), hashes: 1 } },
		hosts: Object.fromEntries(hosts.map((asked) => [asked, asked === host ? host : null])),
	})
	const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
	const controlPlane = {
		load,
		sync: async () => ({ cursor, revision: 1, changed: [], reset: false }),
		patience: wait,
	}
	const table = createRoutingTable(domain, Math.random)
	return pipeline(createKnowledge(table, controlPlane, Date.now(), Math.random), {
		now: Date.now,
		random: Math.random,
		wait,
		pipe: (body) => ({ body, ended: Promise.resolve() }),
		clientAddress: () => '',
		clientCertificate: () => undefined,
		issuerKeys: async () => null,
		delegate: () => Promise.reject(new Error('there is no ring')),
		report: (error) => console.error(String(error)),
		observe: () => {},
		...ports,
	})
}

export const part = (name: string, body: PartBody): Part => ({
	...{ name, sequence: 1, revision: 1, hash: name },
	body: JSON.stringify(body),
})
