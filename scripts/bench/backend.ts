/**
 * The upstream of every proxy measured: its own process, answering each bodiless request with 100 bytes.
 *
 * It reads nothing but the ends of request heads, so that it costs far less than any proxy in front of it. Started with one
 * letter per listener; each listener answers with its letter, which shows where a request went.
 */
import { createServer } from 'node:net'

const BODY_BYTES = 100

function listen(letter: string): Promise<number> {
	const answer = Buffer.from(
		`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY_BYTES}\r\n\r\n${letter.repeat(BODY_BYTES)}`,
	)
	const server = createServer({ noDelay: true }, (socket) => {
		let unfinished = ''
		socket.on('error', () => socket.destroy())
		socket.on('data', (chunk) => {
			const text = unfinished + chunk.toString('latin1')
			const heads = text.split('\r\n\r\n')
			unfinished = heads.pop()!
			for (const _ of heads) socket.write(answer)
		})
	})
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => {
			const address = server.address()
			if (address !== null && typeof address === 'object') resolve(address.port)
		})
	})
}

process.on('disconnect', () => process.exit(0))
const ports = await Promise.all(process.argv.slice(2).map(listen))
process.send?.(ports)
