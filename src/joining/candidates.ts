/** Which WorkloadTrust decides, where several let the same proof in. */
import type { WorkloadName } from '../ports/issuing.ts'
import { err, ok, type Result } from '../result.ts'
import { type Evidence, fits, type TrustDocument } from './fits.ts'

export interface Candidate<T extends TrustDocument> {
	readonly trust: T
	readonly workload: WorkloadName
}

interface Candidates<T extends TrustDocument> {
	readonly candidates: readonly Candidate<T>[]
	/** For audit: of the first trusts that do not fit, which rule does not hold. */
	readonly unmet: string
}

const MAX_UNMET = 4

/** `<namespace>/<name>` of the WorkloadTrust. */
export const trustName = ({ metadata: { namespace, name } }: TrustDocument): string => `${namespace}/${name}`

/** The trusts that the proof satisfies, with the workload that each makes of it. */
export function candidatesOf<T extends TrustDocument>(
	trusts: readonly T[],
	evidence: Evidence,
	trustDomain: string,
): Candidates<T> {
	const candidates: Candidate<T>[] = []
	const unmet: string[] = []
	for (const trust of trusts) {
		const fitting = fits(trust, evidence, trustDomain)
		if (fitting.ok) candidates.push({ trust, workload: fitting.value })
		else if (unmet.length < MAX_UNMET) unmet.push(`${trustName(trust)}: ${fitting.error}`)
	}
	return { candidates, unmet: unmet.join(', ') || 'there is no such WorkloadTrust' }
}

export type NoChoice =
	| { readonly reason: 'none' }
	/** As `<namespace>/<workload>`, in order. */
	| { readonly reason: 'several'; readonly choices: readonly string[] }

/** The candidate of the workload that was asked for, or of the only one there is. Of several for it the first counts. */
export function choose<T extends TrustDocument>(
	candidates: readonly Candidate<T>[],
	asked: WorkloadName | undefined,
): Result<Candidate<T>, NoChoice> {
	const wanted =
		asked === undefined
			? candidates
			: candidates.filter(({ workload }) => workloadText(workload) === workloadText(asked))
	const choices = [...new Set(wanted.map(({ workload }) => workloadText(workload)))].sort()
	if (choices.length > 1) return err({ reason: 'several', choices })
	return wanted[0] === undefined ? err({ reason: 'none' }) : ok(wanted[0])
}

/** `<namespace>/<workload>`. */
export const workloadText = ({ namespace, workload }: WorkloadName): string => `${namespace}/${workload}`

/** Whether the trust can give this identity at all, to whoever proves what it asks: then who has it may renew it. */
export function namesWorkload({ metadata, spec }: TrustDocument, { namespace, workload }: WorkloadName): boolean {
	if (metadata.namespace !== namespace) return false
	const accounts = spec.oidc?.kubernetesServiceAccounts
	if (accounts === undefined) return spec.workload === workload
	return accounts.names === undefined || accounts.names.includes(workload)
}
