/** Servers that nobody should have to wait for: each reads its requests and then does something else than answer them at once. */
import { createServer, type Server, type Socket } from 'node:net'
import { readRequest } from './httpFraming.ts'

const KINDS = ['silent', 'slow', 'resetting', 'refusing'] as const
export type Trouble = (typeof KINDS)[number]
export type TroublePorts = Readonly<Record<Trouble, number>>
export type TroubleCounts = Readonly<Record<Trouble, number>>
export type TroubleMessage = 'received' | 'refuse'

/** How long `slow` takes. */
const slowMs = Number(process.argv[2])
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

/** What happens to each request. Until it refuses, `refusing` answers, which shows that requests would reach it. */
const MISDEEDS: Readonly<Record<Trouble, (socket: Socket) => void>> = {
	silent: () => undefined,
	slow: (socket) => void setTimeout(() => socket.writable && socket.write(ANSWER), slowMs),
	resetting: (socket) => socket.resetAndDestroy(),
	refusing: (socket) => socket.write(ANSWER),
}

const received: Record<Trouble, number> = { silent: 0, slow: 0, resetting: 0, refusing: 0 }
const servers: Partial<Record<Trouble, Server>> = {}
const refused = new Set<Socket>()

function listen(kind: Trouble): Promise<readonly [Trouble, number]> {
	const server = createServer({ noDelay: true }, (socket) => {
		let unread = ''
		if (kind === 'refusing') refused.add(socket)
		socket.on('error', () => socket.destroy())
		socket.on('data', (chunk) => {
			unread += chunk.toString('latin1')
			for (let request = readRequest(unread); request !== undefined; request = readRequest(unread)) {
				if (unread.length < request.totalBytes) return
				unread = unread.slice(request.totalBytes)
				received[kind]++
				MISDEEDS[kind](socket)
			}
		})
	})
	servers[kind] = server
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => {
			const address = server.address()
			if (address !== null && typeof address === 'object') resolve([kind, address.port])
		})
	})
}

/** Closes the listener and what came through it: a connection that stays open would go on working. */
function refuse(): void {
	servers.refusing?.close(() => process.send?.('refusing'))
	for (const socket of refused) socket.destroy()
}

process.on('disconnect', () => process.exit(0))
process.on('message', (message: TroubleMessage) => {
	if (message === 'refuse') refuse()
	else process.send?.(received)
})
process.send?.(Object.fromEntries(await Promise.all(KINDS.map(listen))))
