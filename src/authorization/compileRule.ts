/** One rule of a policy, as one question to ask, and the ways in which it could be found. */
import type { AccessOperation, AccessPolicy, AccessRule, AccessSource, Authorizer } from '../snapshot/authorization.ts'
import type { Key } from './attribute.ts'
import { type Criterion, compileCriterion, type LookUp } from './criterion.ts'
import type { Test } from './lists.ts'

export interface PolicyName {
	/** `<namespace>/<name>`. */
	readonly policy: string
	/** Its position in the policy. Absent: the policy counts because none of its rules matches. */
	readonly rule?: number
}

export interface CompiledRule {
	readonly name: PolicyName
	/** Place among the rules of its action in its layer. */
	readonly order: number
	readonly matches: Test
	/** Of the policy, if that is CUSTOM. */
	readonly authorizer: Authorizer | undefined
}

/** Undefined: nothing matches it, because it holds an empty list. */
export function compileRule(
	{ from, to, when }: AccessRule,
	action: AccessPolicy['action'],
	trustDomain: string,
): { readonly matches: Test; readonly lookUps: readonly LookUp[] } | undefined {
	if ([from, to, when].some((list) => list?.length === 0)) return undefined
	const allOf = (criteria: readonly Criterion[]): Alternative => {
		const compiled = criteria.map((criterion) => compileCriterion(criterion, action, trustDomain))
		return { test: all(compiled.map(({ test }) => test)), lookUps: compiled.flatMap(({ lookUp }) => lookUp ?? []) }
	}
	const groups = [
		...[from, to].flatMap((list) => (list === undefined ? [] : [list.map(criteriaOf)])),
		...(when ?? []).map((condition) => [[condition]]),
	]
	const parts = groups.map((alternatives) => anyOf(alternatives.map(allOf)))
	return { matches: all(parts.map(({ test }) => test)), lookUps: parts.flatMap(({ lookUps }) => lookUps) }
}

interface Alternative {
	readonly test: Test
	readonly lookUps: readonly LookUp[]
}

/** What finds all alternatives finds what one of them matches. */
function anyOf(alternatives: readonly Alternative[]): Alternative {
	const [first, ...others] = alternatives
	const lookUps = (first?.lookUps ?? []).flatMap((lookUp) => {
		const same = others.map(({ lookUps }) => lookUps.find(({ id }) => id === lookUp.id))
		if (same.includes(undefined)) return []
		return { ...lookUp, keys: [...lookUp.keys, ...same.flatMap((other) => other!.keys)] }
	})
	return { test: any(alternatives.map(({ test }) => test)), lookUps }
}

function all(tests: readonly Test[]): Test {
	const [first, second, third] = tests
	if (first === undefined) return () => true
	if (second === undefined) return first
	if (third === undefined) return (facts) => first(facts) && second(facts)
	return (facts) => tests.every((test) => test(facts))
}

const any = (tests: readonly Test[]): Test => {
	const [only] = tests
	return tests.length === 1 ? only! : (facts) => tests.some((test) => test(facts))
}

/** What a field of a source or of an operation speaks of. What tells most requests apart goes first. */
const FIELDS = {
	principals: 'principal',
	serviceAccounts: 'serviceAccount',
	requestPrincipals: 'requestPrincipal',
	namespaces: 'namespace',
	trustDomains: 'trustDomain',
	ipBlocks: 'address',
	paths: 'path',
	hosts: 'host',
	methods: 'method',
	ports: 'port',
} as const satisfies Readonly<Partial<Record<keyof (AccessSource & AccessOperation), Key['of']>>>

/** `paths` and `notPaths` are the two lists of one criterion. */
function criteriaOf(fields: AccessSource & AccessOperation): readonly Criterion[] {
	const listOf = (name: string) => fields[name as keyof typeof fields]
	return Object.entries(FIELDS)
		.map(([name, of]) => ({
			key: { of },
			values: listOf(name),
			notValues: listOf(`not${name[0]!.toUpperCase()}${name.slice(1)}`),
		}))
		.filter(({ values, notValues }) => values !== undefined || notValues !== undefined)
}
