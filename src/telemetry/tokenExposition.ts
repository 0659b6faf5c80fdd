/** The control plane's API tokens as Prometheus metrics: before one expires that something depends on, somebody can be called. */
import type { TokenInfo } from '../ports.ts'
import { add, metric, renderMetric } from './exposition.ts'

/** `now` in ms since the epoch. Tokens that never expire, and those that have, are not in it. */
export function tokenExposition(tokens: readonly TokenInfo[], now: number): string {
	const expiry = metric('selvedge_token_expiry_timestamp_seconds', 'gauge', 'When an API token ends.')
	for (const { id, name, expiresAt } of tokens) {
		const at = expiresAt === undefined ? Number.NaN : Date.parse(expiresAt)
		if (at > now) add(expiry, { id, name }, at / 1000)
	}
	return `${renderMetric(expiry)}\n`
}
