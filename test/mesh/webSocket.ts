/** Just enough of RFC 6455 to echo short texts: the handshake, and unfragmented text frames below 126 bytes. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { open } from './client.ts'

const TEXT = 0x81

function frame(text: string, mask?: Buffer): Buffer {
	const payload = Buffer.from(text)
	if (mask === undefined) return Buffer.concat([Buffer.from([TEXT, payload.length]), payload])
	return Buffer.concat([
		Buffer.from([TEXT, 0x80 | payload.length]),
		mask,
		payload.map((byte, i) => byte ^ mask[i % 4]!),
	])
}

/** The texts of all whole frames, unmasked. */
function texts(bytes: Buffer): string[] {
	const found: string[] = []
	for (let at = 0; at + 2 <= bytes.length; ) {
		const masked = (bytes[at + 1]! & 0x80) !== 0
		const length = bytes[at + 1]! & 0x7f
		const start = at + (masked ? 6 : 2)
		if (start + length > bytes.length) break
		const payload = bytes.subarray(start, start + length)
		if (bytes[at] === TEXT)
			found.push(Buffer.from(payload.map((byte, i) => (masked ? byte ^ bytes[at + 2 + (i % 4)]! : byte))).toString())
		at = start + length
	}
	return found
}

/** Answers every handshake, and every text with itself, behind a prefix. */
export function echoWebSockets(server: Server): void {
	server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
		const accept = createHash('sha1')
			.update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
			.digest('base64')
		const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]
		socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields.join('\r\n')}\r\n\r\n`)
		socket.on('data', (bytes: Buffer) => {
			for (const text of texts(bytes)) socket.write(frame(`echo ${text}`))
		})
		socket.on('error', () => {})
	})
}

/** Opens a WebSocket, says a few things, and answers what came back. */
export async function converse(port: number, host: string, said: readonly string[]): Promise<string[]> {
	const headers = {
		connection: 'Upgrade',
		upgrade: 'websocket',
		'sec-websocket-version': '13',
		'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
	}
	const sent = open({ port, host, path: '/socket', headers })
	const socket = await new Promise<Socket>((resolve, reject) => {
		sent.on('upgrade', (_, upgraded) => resolve(upgraded as Socket))
		sent.on('response', ({ statusCode }) => reject(new Error(`not upgraded: ${statusCode}`)))
		sent.on('error', reject)
		sent.end()
	})
	let received = Buffer.alloc(0)
	for (const text of said) socket.write(frame(text, Buffer.from([1, 2, 3, 4])))
	try {
		for await (const chunk of socket) {
			received = Buffer.concat([received, chunk as Buffer])
			if (texts(received).length >= said.length) break
		}
	} finally {
		socket.destroy()
	}
	return texts(received)
}
