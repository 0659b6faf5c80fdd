/** Where bugs are told: Sentry when the secret SENTRY_DSN is set, the log otherwise. Never headers, queries or bodies. */
import { Toucan } from 'toucan-js'

interface Context {
	waitUntil(promise: Promise<unknown>): void
}

export type ErrorReporter = (context: Context, error: unknown, request: Request, id: string) => void

export function errorReporter(dsn: string | undefined): ErrorReporter {
	return dsn === undefined || dsn === '' ? logError : sentryReporter(dsn)
}

/** The request itself is not handed to Sentry: it carries the token. */
function sentryReporter(dsn: string): ErrorReporter {
	return (context, error, request, id) => {
		const sentry = new Toucan({ dsn, context })
		sentry.setTag('errorId', id)
		sentry.setExtras({ method: request.method, path: new URL(request.url).pathname })
		sentry.captureException(error)
	}
}

const logError: ErrorReporter = (_context, error, request, id) => {
	const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
	const path = new URL(request.url).pathname
	console.error(JSON.stringify({ level: 'error', id, method: request.method, path, name, message, stack }))
}
