/** Which of several documents speaks for another trust domain, and why the others do not. */
import type { ResourceKey } from '../../names.ts'
import type { FederatedTrustDomain } from '../../resources/federatedTrustDomain.ts'
import type { ConditionedStatus } from '../../resources/status.ts'
import { trustDomainTarget } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { type Stamp, stamped, type Verdict } from '../statuses.ts'
import type { Trust } from '../trust.ts'

/** The document that counts for a trust domain: the oldest, then the first by name. */
export type FederationLookup = (trustDomain: string) => ResourceKey | undefined

/** For one build: each trust domain is looked up once. */
export function federationLookup(index: ResourceIndex): FederationLookup {
	const known = new Map<string, ResourceKey | undefined>()
	return (trustDomain) => {
		if (!known.has(trustDomain)) known.set(trustDomain, oldest(trustDomain, index))
		return known.get(trustDomain)
	}
}

function oldest(trustDomain: string, index: ResourceIndex): ResourceKey | undefined {
	const documents = index.referrers(trustDomainTarget(trustDomain)).map((key) => ({ key, ...index.get(key)! }))
	return documents.sort((a, b) => a.createdAt - b.createdAt || (a.key < b.key ? -1 : 1))[0]?.key
}

/**
 * What the data plane may believe of what the KeyRing tells: without the bundles that no document which is Accepted asks for, from the
 * very URL that it names.
 */
export function believed(told: Trust, index: ResourceIndex): Trust {
	const federation = federationLookup(index)
	const federated = told.federated.flatMap(({ endpoint, ...bundle }) => {
		const key = bundle.trustDomain === told.trustDomain ? undefined : federation(bundle.trustDomain)
		const document = key === undefined ? undefined : (index.get(key)?.resource as FederatedTrustDomain)
		return endpoint !== undefined && document?.spec.bundleEndpoint.url === endpoint ? [bundle] : []
	})
	return { ...told, federated }
}

/** Keys are believed of a trust domain only as long as its document says Accepted. */
export function federationStatus(
	key: ResourceKey,
	{ spec }: FederatedTrustDomain,
	ownTrustDomain: string,
	federation: FederationLookup,
	stamp: Stamp,
): ConditionedStatus {
	const first = federation(spec.trustDomain)
	const isConflicted = first !== undefined && first !== key
	const rival = `spec.trustDomain: ${first?.replace('/-/', ' ')} speaks for ${spec.trustDomain}, and is older or first by name`
	const own = `spec.trustDomain: must be another than ${ownTrustDomain}, which is this mesh's own`
	const refused = (reason: string, message: string): Verdict => ({
		...{ type: 'Accepted', status: 'False' },
		...{ reason, message },
	})
	const accepted: Verdict =
		spec.trustDomain === ownTrustDomain
			? refused('Invalid', own)
			: isConflicted
				? refused('Conflicted', rival)
				: { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the trust domain is accepted' }
	const conflicted: Verdict = isConflicted
		? { type: 'Conflicted', status: 'True', reason: 'Conflicted', message: rival }
		: { type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: 'no conflicts' }
	return { conditions: stamped([accepted, conflicted], stamp, stamp.before?.conditions) }
}
