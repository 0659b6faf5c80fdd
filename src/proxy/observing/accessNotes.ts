/** What policies of access did, noted beside the requests: counted, and what AUDIT policies and dry runs say in a line of its own. */
import type { AccessCount, AccessEffect } from '../../ports.ts'
import { countAccess, createAccessTable, drainAccess } from '../../telemetry/accessCounts.ts'
import { policyLine } from '../../telemetry/policyLine.ts'
import type { Exchange } from '../exchange.ts'
import type { Refusal } from '../refusal.ts'

export interface AccessNotes {
	readonly note: (exchange: Exchange, refusal: Refusal | undefined, now: number) => void
	/** What was counted since the last time. */
	readonly drain: () => { readonly access: readonly AccessCount[]; readonly accessOverflow: number } | undefined
}

/** A second, of an isolate. The others are counted, and the next line says how many there were. */
const LINES_PER_SECOND = 20

export function createAccessNotes(log: (line: string) => void, region: string): AccessNotes {
	const table = createAccessTable()
	let secondBegan = 0
	let lines = 0
	let leftOut = 0

	const write = (exchange: Exchange, effect: AccessEffect, policy: string, now: number) => {
		if (now - secondBegan >= 1_000 || now < secondBegan) {
			secondBegan = now
			lines = 0
		}
		if (lines === LINES_PER_SECOND) {
			leftOut++
			return
		}
		lines++
		log(policyLine({ ...lineOf(exchange), effect, policy, region, leftOut }))
		leftOut = 0
	}

	return {
		note: (exchange, refusal, now) => {
			const verdict = exchange.access
			if (verdict === undefined && refusal?.reason !== 'ambiguous_path') return
			const [service, rule] = [exchange.service?.name ?? '', exchange.rule?.name ?? '']
			const count = (effect: AccessEffect, policy: string) => countAccess(table, { policy, service, rule, effect })
			if (verdict === undefined) return count('ambiguous', '')
			// A request that policies let through may be refused for something else.
			if (refusal !== undefined && !verdict.allowed) count('denied', verdict.by?.policy ?? '')
			for (const policy of verdict.audited) {
				count('audited', policy)
				write(exchange, 'audited', policy, now)
			}
			if (verdict.dryRun === undefined) return
			const effect = verdict.dryRun.allowed ? 'would_admit' : 'would_refuse'
			const policy = verdict.dryRun.by?.policy ?? ''
			count(effect, policy)
			write(exchange, effect, policy, now)
		},
		drain: () => drainAccess(table),
	}
}

const lineOf = ({ startedAt, method, authority, path, service, rule, caller, user }: Exchange) => ({
	timeMs: startedAt,
	...{ method, authority, path },
	service: service?.name,
	rule: rule?.name,
	caller: caller?.spiffeId,
	user: user?.principal,
})
