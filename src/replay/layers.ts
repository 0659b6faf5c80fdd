/** The policies that the requests to one service by one rule meet, ready to be tried out on samples of them. */
import { keyText } from '../authorization/accessKey.ts'
import { type CompiledAccess, compileAccess } from '../authorization/compileAccess.ts'
import type { AccessLayer, AccessLayers } from '../ports.ts'
import type { AccessCondition, AccessKey, AccessPolicies, AccessRule } from '../snapshot/authorization.ts'
import type { JwtRule } from '../snapshot/requestAuthentication.ts'
import { boundPolicies, isEnforced, labelOf, mayBeOpen, type Side, sourceConditions } from './bounds.ts'

/** A set of policies, as it is or as a change would make it. */
export interface Stand {
	readonly layers: AccessLayers
	/** What holds for a service and a rule. */
	readonly at: (service: string, rule: string) => Standing
}

export interface Standing {
	/** Equal for equal policies. */
	readonly text: string
	readonly defaultAccess: 'open' | 'closed'
	/** All names of the mesh's own trust domain, where it has aliases. */
	readonly trustDomains: readonly string[] | undefined
	readonly users: readonly JwtRule[]
	/** By the namespaces whose routes ask who the user is: who is believed before there is a service. */
	readonly routeUsers: ReadonlyMap<string, readonly JwtRule[]>
	readonly bounds: Readonly<Record<Side, readonly CompiledAccess[]>>
	readonly looksAtPaths: boolean
	/** What conditions look at that samples may lack. */
	readonly looks: readonly AccessKey[]
	/** The conditions of a rule that a sample may leave open. */
	readonly openConditions: (policy: string, rule: number | undefined) => readonly string[]
}

export function standOf(layers: AccessLayers, trustDomain: string): Stand {
	const standings = new Map<string, Standing>()
	const compiled = new Map<AccessPolicies, Record<Side, CompiledAccess>>()
	const compile = (policies: AccessPolicies) => {
		const known = compiled.get(policies) ?? {
			admit: compileAccess(boundPolicies(policies, 'admit'), trustDomain),
			refuse: compileAccess(boundPolicies(policies, 'refuse'), trustDomain),
		}
		compiled.set(policies, known)
		return known
	}
	return {
		layers,
		at: (service, rule) => {
			const key = `${service}\n${rule}`
			const known = standings.get(key) ?? standingAt(layers, service, rule, compile, trustDomain)
			standings.set(key, known)
			return known
		},
	}
}

function standingAt(
	layers: AccessLayers,
	service: string,
	rule: string,
	compile: (policies: AccessPolicies) => Record<Side, CompiledAccess>,
	trustDomain: string,
): Standing {
	const own = layers.services.get(service)
	const namespace = layers.namespaces.get(service.split('/', 1)[0]!)
	const met: readonly (AccessLayer | undefined)[] = [layers.mesh, namespace, own, layers.rules.get(rule)]
	const policies = met.flatMap((layer) => (layer?.access === undefined ? [] : [layer.access]))
	// What is shown to a service outside of the mesh is its own affair.
	const believing = own?.external ? [own] : met
	const users = believing.flatMap((layer) => layer?.users ?? [])
	const bounds = policies.map(compile)
	const { defaultAccess, trustDomainAliases } = layers
	const trustDomains = trustDomainAliases && [trustDomain, ...trustDomainAliases]
	const enforced = policies.flat().filter(isEnforced)
	const conditions = enforced.flatMap(({ rules }) => rules.flatMap(conditionsOf))
	return {
		text: JSON.stringify([defaultAccess, trustDomains, policies, users]),
		...{ defaultAccess, trustDomains, users, routeUsers: routeUsersAt(layers, service, rule) },
		bounds: { admit: bounds.map(({ admit }) => admit), refuse: bounds.map(({ refuse }) => refuse) },
		looksAtPaths: bounds.some(({ admit }) => admit.looksAtPaths),
		looks: conditions.map(({ key }) => key).filter((key) => labelOf(key) !== undefined),
		openConditions: (policy, rule) => {
			const found = enforced.find(({ name }) => name === policy)?.rules[rule ?? -1]
			return found === undefined ? [] : openConditionsOf(found)
		},
	}
}

function routeUsersAt({ mesh, namespaces, services, rules }: AccessLayers, service: string, rule: string) {
	const { askedBy = [] } = (rule === '' ? services.get(service) : rules.get(rule)) ?? {}
	const usersOf = (namespace: string) => [mesh, namespaces.get(namespace)].flatMap((layer) => layer?.users ?? [])
	return new Map(askedBy.map((namespace) => [namespace, usersOf(namespace)]))
}

export const conditionsOf = ({ from = [], when = [] }: AccessRule): AccessCondition[] => [
	...from.flatMap(sourceConditions),
	...when,
]

const openConditionsOf = (rule: AccessRule): string[] => [
	...new Set(
		conditionsOf(rule)
			.filter(({ key, values = [], notValues = [] }) => [...values, ...notValues].some((text) => mayBeOpen(key, text)))
			.map(({ key }) => keyText(key)),
	),
]
