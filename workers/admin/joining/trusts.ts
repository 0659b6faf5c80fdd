/** The WorkloadTrusts: who may join, as the policy store has it. */
import { namesWorkload } from '../../../src/joining/candidates.ts'
import type { Page, StoredResource, WorkloadName } from '../../../src/ports.ts'
import { durationMs } from '../../../src/resources/duration.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import type { Mesh } from '../mesh.ts'
import { remembered } from '../remembered.ts'

const PAGE = 500

/** All there are now. */
export async function readTrusts(mesh: Mesh): Promise<readonly WorkloadTrust[]> {
	const trusts: WorkloadTrust[] = []
	let after: string | undefined
	do {
		const options = { limit: PAGE, ...(after === undefined ? {} : { after }) }
		const page: Page<StoredResource> = await mesh.policyStore().list('WorkloadTrust', options)
		trusts.push(...page.items.map(({ resource }) => resource as WorkloadTrust))
		after = page.next
	} while (after !== undefined)
	return trusts
}

/** As they were at most a second ago. */
export const trustsOf = remembered(readTrusts)

/** Of everything that is issued on the word of this trust. */
export const maxTtlSeconds = ({ spec }: WorkloadTrust): number => (durationMs(spec.maxTtl) ?? 0) / 1000

/**
 * The trust that a workload, once it is one, goes on by: of those that can make somebody this workload, whichever way, the strictest,
 * since nothing tells by which it came.
 */
export async function trustBehind(mesh: Mesh, workload: WorkloadName): Promise<WorkloadTrust | undefined> {
	const naming = (await trustsOf(mesh)).filter((trust) => namesWorkload(trust, workload))
	return naming.sort((a, b) => maxTtlSeconds(a) - maxTtlSeconds(b))[0]
}
