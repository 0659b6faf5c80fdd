/** The mesh's own filters as they travel: durations in ms, shares 0–1, namespaces filled in; an empty list asks nothing. */
import { bytesPerSecond } from '../../resources/bandwidth.ts'
import type { DirectResponse as DirectResponseDocument } from '../../resources/directResponse.ts'
import { durationMs } from '../../resources/duration.ts'
import type { FaultInjection } from '../../resources/faultInjection.ts'
import type { TrafficMatch as TrafficMatchDocument } from '../../resources/trafficMatch.ts'
import type { DirectResponse, Fault, Source, TrafficMatch } from '../filters.ts'
import { conditionOf } from '../policies/access.ts'
import { fieldsOf } from './editFilters.ts'
import { matchOf } from './ruleMatches.ts'
import { shareOf } from './share.ts'

export function faultOf({ metadata, spec }: FaultInjection): Fault {
	const { matches, sources, delay, abort, bandwidth } = spec
	return {
		...(matches.length > 0 && { matches: matches.map(matchOf) }),
		...(sources.length > 0 && { sources: sources.map((source) => sourceOf(source, metadata.namespace)) }),
		...(delay && { delay: { ms: checked(durationMs(delay.fixedDelay)), share: shareOf(delay) } }),
		...(abort && { abort: { status: abort.httpStatus, share: shareOf(abort) } }),
		...(bandwidth && {
			bandwidth: { bytesPerSecond: checked(bytesPerSecond(bandwidth.limit)), share: shareOf(bandwidth) },
		}),
	}
}

export function directResponseOf({ spec }: DirectResponseDocument): DirectResponse {
	const { statusCode, headers, contentType, body } = spec
	return {
		status: statusCode,
		headers: [...(contentType === undefined ? [] : [['content-type', contentType] as const]), ...fieldsOf(headers)],
		body: body ?? '',
	}
}

export function trafficMatchOf({ metadata, spec }: TrafficMatchDocument): TrafficMatch {
	const { sources, when } = spec
	const share = shareOf(spec)
	return {
		...(sources.length > 0 && { sources: sources.map((source) => sourceOf(source, metadata.namespace)) }),
		...(when && { when: when.map((condition) => conditionOf(condition, metadata.namespace)) }),
		...(share === 1 ? {} : { share }),
	}
}

function sourceOf({ namespace, workload }: { namespace?: string; workload?: string }, own: string): Source {
	return { namespace: namespace ?? own, ...(workload === undefined ? {} : { workload }) }
}

/** Validation has read every quantity once already; a failure here is a bug. */
function checked(quantity: number | undefined): number {
	if (quantity === undefined) throw new Error('a quantity that validation let through cannot be read')
	return quantity
}
