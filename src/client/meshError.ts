/** What a call to the mesh rejects with. */

export type MeshErrorCode =
	/** No answer, or one that says: later. Trying again may help. */
	| 'unreachable'
	/** The mesh said no. Trying the same again does not help. */
	| 'refused'
	/** The identity has expired, and there is nothing left to get another one with. */
	| 'expired'
	/** `close` was called. */
	| 'closed'

export interface MeshError extends Error {
	readonly code: MeshErrorCode
	/** Of the reply, if there was one. */
	readonly status?: number
	/** The mesh's own word for it, e.g. `invalid_grant`. */
	readonly reason?: string
	/** How long the mesh asks to wait. */
	readonly retryAfterMs?: number
}

type Details = { readonly [Name in 'status' | 'reason' | 'retryAfterMs' | 'cause']?: MeshError[Name] | undefined }

export function meshError(code: MeshErrorCode, message: string, { cause, ...details }: Details = {}): MeshError {
	const known = Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined))
	const error = cause === undefined ? new Error(message) : new Error(message, { cause })
	return Object.assign(error, { name: 'MeshError', code, ...known })
}

export const isMeshError = (error: unknown): error is MeshError => error instanceof Error && error.name === 'MeshError'

/** Whatever was thrown on the way to the mesh: anything but our own is the network's. */
export const asMeshError = (error: unknown, doing: string): MeshError =>
	isMeshError(error)
		? error
		: meshError('unreachable', `${doing}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })

/** Whoever is told of errors must not be one. */
export const quietly =
	(onError: ((error: MeshError) => void) | undefined) =>
	(error: MeshError): void => {
		try {
			onError?.(error)
		} catch {}
	}
