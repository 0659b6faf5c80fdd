/** Status conditions of resources, with Gateway API's types and reasons. */
import type { Gateway } from '../resources/gateway.ts'
import type { Condition, ConditionedStatus, ListenerStatus, ParentStatus } from '../resources/status.ts'
import type { TrafficMatch } from '../resources/trafficMatch.ts'
import { speaksHttp } from './references.ts'
import { admitsRoutes, claimsMeshHost, isHttpRouteKind, type ParentVerdict, serves } from './routes/attachRoute.ts'
import type { UnresolvedRef } from './services/serviceRefs.ts'
import type { Credential } from './snapshot.ts'

export const CONTROLLER_NAME = 'selvedge.dev/mesh'

const HTTP_ROUTE = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }

/** What every condition of one build carries. */
export interface Stamp {
	readonly generation: number
	/** RFC 3339. */
	readonly now: string
	/** The status before, whose transition times stay where nothing changed. */
	readonly before: ConditionedStatus | undefined
}

export type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

export function routeStatus(
	parents: readonly ParentVerdict[],
	unresolved: readonly UnresolvedRef[],
	stamp: Stamp,
): ConditionedStatus {
	const resolved: Verdict =
		unresolved.length === 0
			? { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'all references are resolved' }
			: {
					type: 'ResolvedRefs',
					status: 'False',
					reason: unresolved[0]!.reason,
					message: unresolved
						.map(({ message }) => message)
						.join('; ')
						.slice(0, 32_768),
				}
	return {
		parents: parents.map(({ parentRef, accepted, reason, message }): ParentStatus => {
			const verdict: Verdict = { type: 'Accepted', status: accepted ? 'True' : 'False', reason, message }
			const text = JSON.stringify(parentRef)
			const before = stamp.before?.parents?.find((parent) => JSON.stringify(parent.parentRef) === text)
			return {
				parentRef,
				controllerName: CONTROLLER_NAME,
				conditions: stamped([verdict, resolved], stamp, before?.conditions),
			}
		}),
	}
}

export function gatewayStatus(gateway: Gateway, meshDomain: string, stamp: Stamp): ConditionedStatus {
	const listeners = gateway.spec.listeners.map((listener): ListenerStatus => {
		const kinds = listener.allowedRoutes.kinds ?? []
		const before = stamp.before?.listeners?.find(({ name }) => name === listener.name)?.conditions
		return {
			name: listener.name,
			// Counted when the status is read: a route that comes or goes must not rewrite its Gateway.
			attachedRoutes: 0,
			supportedKinds: speaksHttp(listener) && admitsRoutes(listener) ? [HTTP_ROUTE] : [],
			conditions: stamped(listenerVerdicts(listener, kinds.every(isHttpRouteKind), meshDomain), stamp, before),
		}
	})
	const served = gateway.spec.listeners.filter((listener) => serves(listener, meshDomain)).length
	const verdicts: Verdict[] = [
		acceptance(served, listeners.length),
		served > 0
			? {
					type: 'Programmed',
					status: 'True',
					reason: 'Programmed',
					message: 'listeners are served at every edge location',
				}
			: { type: 'Programmed', status: 'False', reason: 'Invalid', message: 'no listener can be served' },
	]
	return { conditions: stamped(verdicts, stamp, stamp.before?.conditions), listeners }
}

/** Gateway API, GatewayReasonListenersNotValid: false only when no listener is left. */
function acceptance(served: number, all: number): Verdict {
	if (served === all)
		return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the Gateway is accepted' }
	const message = `${all - served} of ${all} listeners cannot be served: see their conditions`
	return { type: 'Accepted', status: served > 0 ? 'True' : 'False', reason: 'ListenersNotValid', message }
}

function listenerVerdicts(
	listener: Gateway['spec']['listeners'][number],
	kindsAreValid: boolean,
	meshDomain: string,
): Verdict[] {
	const conflicted = claimsMeshHost(listener, meshDomain)
	const served = serves(listener, meshDomain)
	return [
		served
			? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the listener is accepted' }
			: conflicted
				? { type: 'Accepted', status: 'False', reason: 'HostnameConflict', message: mine(meshDomain) }
				: {
						type: 'Accepted',
						status: 'False',
						reason: 'UnsupportedProtocol',
						message: `protocol: must be HTTP or HTTPS, not ${listener.protocol}`,
					},
		conflicted
			? { type: 'Conflicted', status: 'True', reason: 'HostnameConflict', message: mine(meshDomain) }
			: { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: 'no conflicts' },
		kindsAreValid
			? { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'all references are resolved' }
			: {
					type: 'ResolvedRefs',
					status: 'False',
					reason: 'InvalidRouteKinds',
					message: 'allowedRoutes.kinds: HTTPRoute of gateway.networking.k8s.io is the one kind served',
				},
		served
			? { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'served at every edge location' }
			: { type: 'Programmed', status: 'False', reason: 'Invalid', message: 'the listener is not accepted' },
	]
}

const mine = (meshDomain: string) => `hostname: hosts below ${meshDomain} belong to the mesh's Services`

const ACCEPTED: Verdict = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the resource is accepted' }

/** A kind that only needs to be understood: Secret, Mesh, ReferenceGrant, Namespace, and the filters that ExtensionRefs name. */
export function plainStatus(stamp: Stamp): ConditionedStatus {
	return { conditions: stamped([ACCEPTED], stamp, stamp.before?.conditions) }
}

/** A Service refers to something only by its credential. */
export function serviceStatus(credential: Credential | undefined, stamp: Stamp): ConditionedStatus {
	if (credential === undefined) return plainStatus(stamp)
	const resolved: Verdict =
		'invalid' in credential
			? { type: 'ResolvedRefs', status: 'False', reason: 'RefNotFound', message: credential.invalid }
			: { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'all references are resolved' }
	return { conditions: stamped([ACCEPTED, resolved], stamp, stamp.before?.conditions) }
}

/** Whether any issuer `isBelieved` where the rule is chosen: of the mesh, or of the namespace. */
export function trafficMatchStatus(
	{ metadata, spec }: TrafficMatch,
	isBelieved: boolean,
	stamp: Stamp,
): ConditionedStatus {
	if (spec.when === undefined || isBelieved) return plainStatus(stamp)
	const message = `spec.when: no RequestAuthentication of the Mesh or of Namespace ${metadata.namespace} says whose users are believed, so that it holds for no request`
	const verdict: Verdict = { type: 'Accepted', status: 'False', reason: 'NoIssuer', message }
	return { conditions: stamped([verdict], stamp, stamp.before?.conditions) }
}

export function stamped(
	verdicts: readonly Verdict[],
	{ generation, now }: Stamp,
	before: readonly Condition[] | undefined,
): Condition[] {
	return verdicts.map((verdict) => {
		const old = before?.find(({ type }) => type === verdict.type)
		return {
			...verdict,
			observedGeneration: generation,
			lastTransitionTime: old !== undefined && old.status === verdict.status ? old.lastTransitionTime : now,
		}
	})
}
