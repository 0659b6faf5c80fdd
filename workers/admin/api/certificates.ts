/** X509-SVIDs: a workload that has proven who it is has a key certified. */
import { trustName } from '../../../src/joining/candidates.ts'
import type { CertificateRequest, IssueRefusal } from '../../../src/ports.ts'
import { readJson } from '../body.ts'
import { certificateBody } from '../identityInput.ts'
import { isFirstTime, subjectOf } from '../joining/renewal.ts'
import { maxTtlSeconds, trustBehind } from '../joining/trusts.ts'
import { invalidRequest, problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { clientAddressOf } from './identityToken.ts'

const USUAL_SECONDS = 3_600

export async function issueCertificate({ request, mesh, workload }: Call<unknown, unknown>): Promise<Response> {
	if (workload === undefined) return problem('forbidden', 'Only workloads have certificates')
	const body = await readJson(request, certificateBody)
	if (!body.ok) return body.error
	const evidence = { method: 'renewal', subject: subjectOf(workload), clientAddress: clientAddressOf(request) } as const
	const refused = async (why: string, response: Response) => {
		await mesh.keyRing().refused(evidence, `certificate: ${why}`)
		return response
	}
	const trust = await trustBehind(mesh, workload.name)
	if (trust === undefined) {
		const why = 'No WorkloadTrust names the workload any more'
		return refused(why, problem('forbidden', why))
	}
	if (!(await isFirstTime(mesh, workload))) {
		const why = 'The WPT was shown before: make one for each request'
		return refused(why, problem('invalid-proof', why))
	}
	const { csr, ttlSeconds = USUAL_SECONDS } = body.value
	const asked: CertificateRequest = {
		workload: workload.name,
		csr,
		ttlSeconds: Math.min(ttlSeconds, maxTtlSeconds(trust)),
		evidence: { ...evidence, trust: trustName(trust) },
	}
	const issued = await mesh.keyRing().issueCertificate(asked)
	if (!issued.ok) return refused(issued.error.reason, refusal(issued.error))
	const { chain, ...rest } = issued.value
	return json({ certificate: chain[0], chain, ...rest })
}

export function refusal(refused: IssueRefusal): Response {
	switch (refused.reason) {
		case 'workload_revoked':
			return problem('forbidden', 'The workload is revoked')
		case 'key_revoked':
			return problem('forbidden', 'The key is revoked: make a new one')
		case 'invalid_csr':
			return invalidRequest([{ path: 'csr', message: refused.detail }])
		case 'invalid_key':
			return invalidRequest([{ path: 'body', message: refused.detail }])
		case 'too_many':
			return problem('too-many-attempts', 'Too much was issued to this workload lately', {
				headers: { 'retry-after': String(refused.retryAfterSeconds) },
			})
		case 'sealed':
			return problem('unavailable', `The mesh cannot sign: ${refused.detail}`, { headers: { 'retry-after': '60' } })
	}
}
