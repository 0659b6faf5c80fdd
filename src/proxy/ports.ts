/** What the data path needs from outside. Workers implement it; tests bring their own. */
import type { Delegation, Delta, IssuerSource, LoadAnswer, LoadRequest } from '../ports.ts'
import type { Cursor } from '../snapshot/snapshot.ts'
import type { IssuerKeys, PublicJwk } from '../snapshot/trust.ts'
import type { Exchange } from './exchange.ts'
import type { Refusal } from './refusal.ts'

/** The region's replica. Both reject when it cannot be reached in time. */
export interface ControlPlane {
	sync(cursor: Cursor): Promise<Delta>
	load(request: LoadRequest): Promise<LoadAnswer>
	/** Settles after this long: nobody waits for another's call without end. */
	patience(ms: number): Promise<void>
}

/** What lives as long as one request: work that may outlast its reply. */
export interface Scope {
	waitUntil(work: Promise<unknown>): void
}

export interface PipedBody {
	readonly body: ReadableStream
	/** Settles when all has been read, or the body was broken off, by whomever. Never rejects. */
	readonly ended: Promise<void>
}

/** The certificate that a client has shown to the edge. */
export interface ClientCertificate {
	/** SHA-256, hex: what it is known by. */
	readonly fingerprint: string
	/** The leaf. */
	readonly der: () => Uint8Array
}

export interface ProxyPorts {
	/** ms since the epoch. */
	now(): number
	/** Uniform in [0, 1). */
	random(): number
	/**
	 * Sends one attempt. Follows no redirects. After `timeoutMs` it is given up: before the response begins, by a rejection
	 * named TimeoutError; after, by breaking its body off. When `signal` aborts, nobody waits for the answer any more.
	 */
	send(request: Request, timeoutMs?: number, signal?: AbortSignal): Promise<Response>
	/** Settles after this long. */
	wait(ms: number): Promise<void>
	/** The same bytes on their way to the client, until `signal` aborts. `length` is the one that was declared. */
	pipe(body: ReadableStream, length: string | null, signal: AbortSignal): PipedBody
	/** The peer's address, '' when unknown. Never taken from a field that the peer could write. */
	clientAddress(request: Request): string
	/** What the peer has shown in its TLS handshake with the edge, which may not have found it good. Never taken from a field. */
	clientCertificate(request: Request): ClientCertificate | 'unverified' | undefined
	/** Has the ring certify this isolate's own public key. Rejects when it cannot be reached in time, or will not. */
	delegate(jwk: PublicJwk): Promise<Delegation>
	/**
	 * Has the ring look for a key of an issuer of end users' tokens. All keys that there are, whether that one is among them or not; null:
	 * none. Rejects when there is no answer within 2 s.
	 */
	issuerKeys(source: IssuerSource, kid: string | undefined): Promise<IssuerKeys | null>
	/** Told of a mistake in the mesh itself. The client only learns that there was one. */
	report(error: unknown): void
	/** Told once of each exchange: what came of it. */
	observe(exchange: Exchange, response: Response, refusal: Refusal | undefined): void
}
