/**
 * A workload as a process of its own, which talks mutual TLS 1.3 with its X509-SVID and wants its peer to have a certain SPIFFE ID.
 * Arguments: a folder with `key.pem`, `chain.pem`, `bundle.pem` and `lists.pem`; the peer's SPIFFE ID; and, for a client, the server's port.
 * It tells its parent what it met: as a server first its port, then one message for each client; as a client one message.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'

const [folder = '', expected = '', port] = process.argv.slice(2)
const read = (name: string) => readFileSync(join(folder, name))
const chain = read('chain.pem')
/** Without a chain it proves nothing. */
const own = chain.length > 0 ? { cert: chain, key: read('key.pem') } : {}
const lists = read('lists.pem')
	.toString()
	.match(/-----BEGIN[\s\S]+?END X509 CRL-----\n/g)
/** With lists, Node checks the whole chain. */
const checked = lists === null ? {} : { crl: lists }
const options = { ...own, ...checked, ca: read('bundle.pem'), rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const

const namesOf = (socket: TLSSocket) => socket.getPeerX509Certificate()?.subjectAltName
const isExpected = (names: string | undefined) => names === `URI:${expected}`
const tell = (met: unknown) => process.send!(met)

function serve(): void {
	const server = createServer({ ...options, requestCert: true }, (socket) => {
		const names = namesOf(socket)
		if (!isExpected(names)) {
			tell({ refused: `the client is ${names}` })
			return void socket.destroy()
		}
		tell({ met: names, protocol: socket.getProtocol() })
		socket.end('welcome')
	})
	server.on('tlsClientError', ({ message }, { authorizationError }) => tell({ refused: authorizationError ?? message }))
	server.listen(0, '127.0.0.1', () => tell((server.address() as { port: number }).port))
}

function call(toPort: number): void {
	const checkServerIdentity = (_: string, { subjectaltname }: { subjectaltname?: string }) =>
		isExpected(subjectaltname) ? undefined : new Error(`the server is ${subjectaltname}`)
	const socket = connect({ ...options, host: '127.0.0.1', port: toPort, checkServerIdentity })
	let heard = ''
	socket.on('data', (chunk) => {
		heard += chunk
	})
	// The server judges the client after the client's handshake is over (RFC 8446 §4.4.2.4): only its word counts.
	socket.on('end', () => finish(heard === 'welcome' ? { met: names, protocol } : { refused: 'the server hung up' }))
	socket.on('error', ({ message }) => finish({ refused: message }))
	let [names, protocol]: [string | undefined, string | null] = [undefined, null]
	socket.on('secureConnect', () => {
		names = namesOf(socket)
		protocol = socket.getProtocol()
	})
}

function finish(met: unknown): void {
	process.send!(met, () => process.disconnect())
}

// Whoever started it is gone.
process.once('disconnect', () => process.exit(0))
if (port === undefined) serve()
else call(Number(port))
