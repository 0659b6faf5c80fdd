/** A rule ready to be followed: compiled once per version, and its costly parts only when first used. */
import { type CompiledAccess, compileAccess } from '../../authorization/compileAccess.ts'
import { weightedChoice } from '../../balancing/weighted.ts'
import type { ServiceName } from '../../names.ts'
import type { RetryRule, SessionPersistence, Timeouts } from '../../snapshot/filters.ts'
import type { Backend, Rule } from '../../snapshot/snapshot.ts'
import type { TrafficRules } from '../../snapshot/trafficPolicy.ts'
import { type CompiledFilters, compileFilters, NO_FILTERS } from './compileFilters.ts'

export interface CompiledRule {
	readonly name: string
	/** Draws a backend in proportion to the weights. `random` is uniform in [0, 1). */
	readonly backend: (random: number) => CompiledBackend
	/** All of them, also those of weight 0, which are never drawn. */
	readonly backends: () => readonly CompiledBackend[]
	/** What the rule does besides sending requests on. Undefined for most: they pay nothing for it. */
	readonly plan?: (() => Plan) | undefined
	/** Of policies attached to the rule or its route. */
	readonly access?: CompiledAccess | undefined
	/** What was compiled. Undefined where nobody wrote a rule. */
	readonly source?: Rule
}

export type CompiledBackend =
	| { readonly weight: number; readonly service: ServiceName; readonly filters?: CompiledFilters }
	| { readonly weight: number; readonly invalid: string }

export interface Plan {
	readonly filters: CompiledFilters
	readonly timeouts: Timeouts | undefined
	readonly retry: RetryRule | undefined
	readonly session: SessionPersistence | undefined
	readonly traffic: TrafficRules | undefined
	/** For sessions, which stay with a backend whatever its weight. */
	readonly backends: readonly CompiledBackend[]
}

/** `ports` are the listeners', for redirects; `trustDomain` is the mesh's own. */
export function compileRule(
	rule: Rule,
	trustDomain: string,
	ports?: { readonly http?: number; readonly https?: number },
): CompiledRule {
	let backends: readonly CompiledBackend[] | undefined
	let draw: CompiledRule['backend'] | undefined
	let plan: Plan | undefined
	let access: CompiledAccess | undefined
	const compiledBackends = () => {
		backends ??= rule.backends.map((backend) => compileBackend(backend, ports))
		return backends
	}
	return {
		name: rule.name,
		backend: (random) => {
			draw ??= drawFrom(compiledBackends())
			return draw(random)
		},
		backends: compiledBackends,
		source: rule,
		get access() {
			if (rule.access !== undefined) access ??= compileAccess(rule.access, trustDomain)
			return access
		},
		plan: needsPlan(rule)
			? () => {
					plan ??= {
						filters: rule.filters === undefined ? NO_FILTERS : compileFilters(rule.filters, ports),
						timeouts: rule.timeouts,
						retry: rule.retry,
						session: rule.session,
						traffic: rule.traffic,
						backends: compiledBackends(),
					}
					return plan
				}
			: undefined,
	}
}

/** The rule that sends everything to one service. It has no name. */
export function ruleTo(service: ServiceName): CompiledRule {
	const backend = { weight: 1, service }
	return { name: '', backend: () => backend, backends: () => [backend], plan: undefined, access: undefined }
}

function needsPlan({ filters, timeouts, retry, session, traffic, backends }: Rule): boolean {
	if (
		traffic !== undefined ||
		filters !== undefined ||
		timeouts !== undefined ||
		retry !== undefined ||
		session !== undefined
	)
		return true
	return backends.some((backend) => 'filters' in backend)
}

function compileBackend(
	backend: Backend,
	ports?: { readonly http?: number; readonly https?: number },
): CompiledBackend {
	if ('invalid' in backend || backend.filters === undefined) return backend as CompiledBackend
	return { weight: backend.weight, service: backend.service, filters: compileFilters(backend.filters, ports) }
}

function drawFrom(backends: readonly CompiledBackend[]): CompiledRule['backend'] {
	const [only] = backends
	if (backends.length === 1 && only !== undefined) return () => only
	const draw = weightedChoice(backends.map(({ weight }) => weight))
	// The build replaces backends that are all weightless by one that refuses: here some weight is positive.
	return (random) => backends[draw!(random)]!
}
