/**
 * The upstream of every proxy measured: its own process, answering each request with 100 bytes.
 *
 * It reads nothing but where requests end, so that it costs far less than any proxy in front of it. Started with one letter per
 * listener; each listener answers with its letter, which shows where a request went.
 */
import { createServer, type Socket } from 'node:net'
import { readRequest } from './httpFraming.ts'
import { WISH_FIELD, type Wish } from './wishes.ts'

const BODY_BYTES = 100
const WISH = new RegExp(`\\r\\n${WISH_FIELD}: *(\\w+)`, 'i')

const received: number[] = []

function listen(letter: string, index: number): Promise<number> {
	const usual = answer('200 OK', letter.repeat(BODY_BYTES))
	received[index] = 0
	const server = createServer({ noDelay: true }, (socket) => {
		let unread = ''
		socket.on('error', () => socket.destroy())
		socket.on('data', (chunk) => {
			unread += chunk.toString('latin1')
			for (;;) {
				const request = readRequest(unread)
				if (request === undefined || unread.length < request.totalBytes) return
				unread = unread.slice(request.totalBytes)
				received[index]!++
				if (request.head.includes(WISH_FIELD)) grant(socket, request.head, usual)
				else socket.write(usual)
			}
		})
	})
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => {
			const address = server.address()
			if (address !== null && typeof address === 'object') resolve(address.port)
		})
	})
}

function grant(socket: Socket, head: string, usual: Buffer): void {
	const wish = WISH.exec(head)?.[1] as Wish | undefined
	if (wish === 'silence') return
	if (wish === 'show') socket.write(answer('200 OK', head))
	else if (wish === 'failure') socket.write(answer('503 Service Unavailable', ''))
	else socket.write(usual)
}

const answer = (status: string, body: string): Buffer =>
	Buffer.from(
		`HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
		'latin1',
	)

process.on('disconnect', () => process.exit(0))
process.on('message', () => process.send?.(received))
const ports = await Promise.all(process.argv.slice(2).map(listen))
process.send?.(ports)
