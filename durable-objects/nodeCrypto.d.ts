/** The one function that the Durable Objects use of the runtime's node:crypto: a hash without a promise, for inside a transaction. */
declare module 'node:crypto' {
	export function createHash(algorithm: 'sha256'): { update(text: string): { digest(encoding: 'hex'): string } }
}
