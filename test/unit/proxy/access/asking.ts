/** A proxy before a service about whose requests an authorizer is asked. */
import type { Authorizer } from '../../../../src/snapshot/authorization.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import type { FakeProxy } from '../fakeProxy.ts'
import { service } from '../knowledge/fakeReplica.ts'
import { custom, guarding, proxyWith } from './guarded.ts'

export type Parts = Record<string, PartBody>
export type Answering = (request: Request) => Response | Promise<Response>
export const OPA = service('default/opa', { id: 'opa' })
export const isCheck = ({ url }: Request) => new URL(url).hostname.startsWith('opa')
export const checks = ({ sent }: FakeProxy) => sent.filter(isCheck)
export const received = ({ sent }: FakeProxy) => sent.filter((request) => !isCheck(request))
export const ok = (headers: Record<string, string> | [string, string][] = {}) => new Response(null, { headers })

export function proxyAsking(
	changes: Partial<Authorizer>,
	answer: Answering = () => ok(),
	...parts: Parts[]
): FakeProxy {
	const proxy = proxyWith(OPA, guarding([custom(changes)]), ...parts)
	proxy.answer = (request) => (isCheck(request) ? answer(request) : new Response('of the service'))
	return proxy
}
