/** What a request is known by, where its endpoint depends on that. */
import { cookieValue } from '../../balancing/cookie.ts'
import type { RequestFacts } from '../../matching/ruleIndex.ts'
import type { HashKey } from '../../snapshot/trafficPolicy.ts'

export interface Asking extends Pick<RequestFacts, 'header' | 'queryParam' | 'caller'> {
	/** The peer's address, '' when unknown. */
	readonly clientAddress: string
}

/** Undefined for a request without it: there is nothing that it would have to stay with. */
export function keyOf(key: HashKey, asking: Asking): string | undefined {
	switch (key.from) {
		case 'header':
			return asking.header(key.name) ?? undefined
		case 'query':
			return asking.queryParam(key.name) ?? undefined
		case 'cookie':
			return cookieValue(asking.header('cookie') ?? '', key.name)
		case 'source':
			return asking.caller?.spiffeId
		case 'clientAddress':
			return asking.clientAddress === '' ? undefined : asking.clientAddress
	}
}
