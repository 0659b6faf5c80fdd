/** Another trust domain whose workloads are believed: where its keys are found, and how often they are fetched. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { ClusterMetadata, Status, withoutStatus } from './metadata.ts'
import { durationBetween } from './scalars.ts'
import { TrustDomain } from './trustDomain.ts'

/** Said by whoever federates, never guessed: nothing in the URL tells the profiles apart (SPIFFE Federation §7.1). */
const Profile = z.strictObject({
	type: z.literal('https_web', {
		error: ({ input }) =>
			input === 'https_spiffe'
				? "must be https_web: https_spiffe needs the endpoint's own roots, and a Worker's fetch knows public ones only"
				: undefined,
	}),
})

const BundleEndpoint = z.strictObject({
	url: z.string().meta({
		description: 'Absolute https URL without credentials or fragment, at most 2,048 characters.',
	}),
	profile: Profile,
})

export const FederatedTrustDomain = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('FederatedTrustDomain'),
		metadata: ClusterMetadata,
		spec: z.strictObject({
			trustDomain: TrustDomain,
			bundleEndpoint: BundleEndpoint,
			refreshInterval: durationBetween('1m', '24h').exactOptional().meta({
				description: "As long as the bundle's spiffe_refresh_hint says when left out.",
			}),
		}),
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'FederatedTrustDomain',
		description:
			'A trust domain whose SVIDs are believed, with the keys of its own SPIFFE bundle and no others. Cluster-wide. Of several for one trust domain the oldest counts.',
	})
export type FederatedTrustDomain = z.infer<typeof FederatedTrustDomain>
