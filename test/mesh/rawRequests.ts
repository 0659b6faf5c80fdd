/** Requests byte for byte: what `fetch` and Node's client would tidy up before it leaves. */
import { connect } from 'node:net'

export interface RawAnswer {
	/** 0: the connection was closed without an answer. */
	readonly status: number
	readonly body: string
}

/** Sends a request line with this target, of which each unit is a byte. The connection is its own. */
export function askRaw(port: number, host: string, target: string, method = 'GET'): Promise<RawAnswer> {
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = []
		const socket = connect(port, '127.0.0.1', () => {
			socket.end(Buffer.from(`${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`, 'latin1'))
		})
		socket.setTimeout(15_000, () => socket.destroy(new Error(`${JSON.stringify(target)}: silent for 15 s`)))
		socket.on('data', (chunk: Buffer) => chunks.push(chunk))
		socket.on('error', (error: NodeJS.ErrnoException) =>
			// Who refuses to read on may reset the connection.
			error.code === 'ECONNRESET' ? resolve(parse(Buffer.concat(chunks))) : reject(error),
		)
		socket.on('close', () => resolve(parse(Buffer.concat(chunks))))
	})
}

function parse(bytes: Buffer): RawAnswer {
	const text = bytes.toString('utf8')
	const [, status = '0'] = /^HTTP\/1\.[01] (\d{3})/.exec(text) ?? []
	const headEnd = text.indexOf('\r\n\r\n')
	return { status: Number(status), body: headEnd < 0 ? '' : text.slice(headEnd + 4) }
}

/** All of them, so many at a time. */
export async function askAllRaw<T>(
	targets: readonly T[],
	ask: (target: T) => Promise<RawAnswer>,
	atOnce = 16,
): Promise<readonly RawAnswer[]> {
	const answers: RawAnswer[] = []
	for (let i = 0; i < targets.length; i += atOnce)
		answers.push(...(await Promise.all(targets.slice(i, i + atOnce).map(ask))))
	return answers
}
