/** One health check over the network: a request to the endpoint, and what its status, or its silence, means. */
import { type CheckResult, isExpected } from '../../src/registry/health.ts'
import type { HealthCheck } from '../../src/snapshot/trafficPolicy.ts'

const HEADERS = { 'user-agent': 'selvedge-health/1' }

/**
 * Asks the endpoint at its own path, if it has one, and the check's below. Redirects are not followed: where one leads was not
 * asked about. The body is not read, and no cache may answer. The service's credential is not sent.
 */
export async function probe(url: string, check: HealthCheck): Promise<CheckResult> {
	const signal = AbortSignal.timeout(check.timeoutMs)
	const { method, path } = check
	try {
		const target = url.replace(/\/$/, '') + path
		const response = await fetch(target, { method, headers: HEADERS, redirect: 'manual', cache: 'no-store', signal })
		response.body?.cancel().catch(() => {})
		return isExpected(response.status, check) ? { passed: true } : failed(`status ${response.status}`)
	} catch (error) {
		// What the runtime says of a failed connection tells no more, and sometimes less: its texts may name addresses.
		return failed(error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'connection failed')
	}
}

const failed = (failure: string): CheckResult => ({ passed: false, failure })
