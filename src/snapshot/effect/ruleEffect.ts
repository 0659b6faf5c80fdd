/** What a changed route slice means for its rules: which came, went, or now do something else. */
import type { ServiceName } from '../../names.ts'
import type { Backend, RouteSlice, Rule } from '../snapshot.ts'
import { namedRules } from './accessEffect.ts'
import { type FieldChange, fieldChanges } from './fieldChanges.ts'

export interface RuleEffect {
	/** As logs, metrics and refusals call it. */
	readonly rule: string
	/** `<namespace>/<name>` of the HTTPRoute. */
	readonly route: string
	/** Moved: it does what it did, but stands elsewhere among its route's rules, which decides between equal matches. */
	readonly change: 'added' | 'removed' | 'changed' | 'moved'
	/** A removed rule has none: all of it went. */
	readonly fields: readonly FieldChange[]
}

/** A rule with all that decides when it applies. */
interface Placed {
	readonly rule: Rule
	readonly slice: RouteSlice
	readonly position: number
}

/** In the order of the rules as they are now, then those that went. Rules are the same when they have the same name. */
export function ruleEffects(before: RouteSlice | null, after: RouteSlice | null): RuleEffect[] {
	const were = rulesByName(before)
	const are = rulesByName(after)
	const stayed = [...are].flatMap(([name, is]) => {
		const was = were.get(name)
		return was === undefined ? [] : [{ was, is }]
	})
	const effects = [...are].flatMap(([name, is]): RuleEffect[] => {
		const { rule, slice } = is
		const was = were.get(name)
		if (was === undefined) return [{ rule: rule.name, route: slice.route, change: 'added', fields: allFields(is) }]
		const moved = stayed.some((other) => (other.was.position - was.position) * (other.is.position - is.position) < 0)
		const fields = [
			...backendChanges(was.rule.backends, rule.backends),
			...fieldChanges(precedence(was, moved), precedence(is, moved)),
		]
		const isMoved = moved && fields.every(({ path }) => path === 'position')
		return fields.length === 0
			? []
			: [{ rule: rule.name, route: slice.route, change: isMoved ? 'moved' : 'changed', fields }]
	})
	const gone = [...were].filter(([name]) => !are.has(name))
	return [
		...effects,
		...gone.map(
			([, { rule, slice }]): RuleEffect => ({ rule: rule.name, route: slice.route, change: 'removed', fields: [] }),
		),
	]
}

/** A rule may be named like the number of another: then the second of the two keeps a name of its own here. */
function rulesByName(slice: RouteSlice | null): Map<string, Placed> {
	const placed = new Map<string, Placed>()
	for (const [position, rule] of (slice?.rules ?? []).entries()) {
		const name = placed.has(rule.name) ? `${rule.name} ${position}` : rule.name
		placed.set(name, { rule, slice: slice!, position })
	}
	return placed
}

const allFields = (placed: Placed): FieldChange[] =>
	fieldChanges(null, { ...readable(placed), backends: sharesOf(placed.rule.backends) })

/** What also decides between two rules that match alike: the older route wins, then the rule that stands first. */
function precedence(placed: Placed, moved: boolean): object {
	const createdAt = new Date(placed.slice.createdAt).toISOString()
	return { ...readable(placed), createdAt, ...(moved ? { position: placed.position } : {}) }
}

function readable({ rule: { name: _, backends: __, ...rule }, slice }: Placed): object {
	const { hostnames, callerNamespace, servicePorts, ports } = slice
	return {
		...(hostnames.length > 0 ? { hostnames } : {}),
		...(callerNamespace === undefined ? {} : { callerNamespace }),
		...(servicePorts === undefined ? {} : { servicePorts }),
		...(plain(namedRules(rule)) as object),
		...(ports === undefined ? {} : { ports }),
	}
}

/** A changed split is shown whole, for no share changes without another; backends that keep theirs, by what is done on the way. */
function backendChanges(before: readonly Backend[], after: readonly Backend[]): FieldChange[] {
	const [was, is] = [sharesOf(before), sharesOf(after)]
	const bare = (shares: readonly Share[]) => JSON.stringify(shares.map(({ filters: _, ...share }) => share))
	if (bare(was) === bare(is)) return fieldChanges({ backends: was }, { backends: is })
	return [{ path: 'backends', before: was, after: is }]
}

/** One of `service` and `invalid` is there; a request that meets an invalid backend is refused with 500. */
interface Share {
	readonly service?: ServiceName
	readonly invalid?: string
	readonly weight: number
	/** Of the rule's requests, to two decimals. */
	readonly percent: number
	readonly filters?: unknown
}

function sharesOf(backends: readonly Backend[]): Share[] {
	const total = backends.reduce((sum, { weight }) => sum + weight, 0)
	return backends.map((backend) => ({
		...backend,
		percent: total === 0 ? 0 : Math.round((backend.weight / total) * 1e4) / 100,
		...('filters' in backend ? { filters: plain(backend.filters) } : {}),
	}))
}

/** Patterns without their programs, header fields as they are written, the root prefix as `/`. */
function plain(value: unknown): unknown {
	if (Array.isArray(value)) return value.map((item) => (Array.isArray(item) ? item.join(': ') : plain(item)))
	if (typeof value !== 'object' || value === null) return value
	const fields = Object.entries(value).filter(([name]) => name !== 'program')
	const shown = Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]))
	return shown.type === 'PathPrefix' && shown.value === '' ? { ...shown, value: '/' } : shown
}
