/** A service as its own process, by the SDK as it is shipped: it joins, takes its place, calls itself through the mesh, and tells. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { localFetch } from '../../examples/shop/localFetch.ts'
import type { Caller, Proofs } from '../../src/client/index.ts'

const { SDK = '', MESH_URL = '', JOIN_TOKEN = '', NAME = '', PROOFS = '' } = process.env
const { join, requireCaller } = (await import(SDK)) as typeof import('../../src/client/index.ts')

const problems: string[] = []
const mesh = await join({
	mesh: MESH_URL,
	service: NAME,
	token: JOIN_TOKEN,
	proofs: PROOFS as Proofs,
	fetch: localFetch,
	onError: ({ message }) => void problems.push(message),
})
const guard = requireCaller({ verifyCaller: mesh.verifyCaller, allow: [mesh.spiffeId] })
const server = createServer((request, response) => {
	guard.node(request, response, () => response.end((request as IncomingMessage & { caller: Caller }).caller.spiffeId))
})
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
await mesh.register({ url: own, id: 'only', ttlSeconds: 15 })

const self = new URL('/whoami?q=1', MESH_URL)
self.hostname = self.hostname.replace(/^admin/, NAME)
const callItself = () => mesh.fetch(self, { timeoutMs: 60_000 })

/** Through the mesh, once its proxies know of this endpoint. */
async function callItselfPatiently() {
	for (let tries = 0; ; tries++) {
		const response = await callItself()
		if (response.status === 200 || tries === 100) return { status: response.status, text: await response.text() }
		await new Promise((resolve) => setTimeout(resolve, 100))
	}
}

const through = await callItselfPatiently()
const again = await Promise.all(Array.from({ length: 20 }, async () => (await callItself()).status))
const past = await fetch(own)
const { privateKey, chain, bundle } = await mesh.certificate()
const told = {
	runtime: process.version,
	spiffeId: mesh.spiffeId,
	through,
	again: [...new Set(again)],
	past: { status: past.status, reason: ((await past.json()) as { reason: string }).reason },
	token: await mesh.token('https://example.com'),
	certificate: { hasKey: privateKey?.includes('PRIVATE KEY'), chain: chain.length, bundle: bundle.length },
}
await mesh.close({ drainMs: 50 })
console.log(JSON.stringify({ ...told, problems }))
server.close()
server.closeAllConnections()
