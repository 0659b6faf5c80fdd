/** Whether a described caller would be let in. */
import { describe, expect, it } from 'vitest'
import type { PeerRules } from '../../../src/snapshot/peerAuthentication.ts'
import type { ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { head, rule, service, slice } from '../proxy/knowledge/fakeReplica.ts'
import { explained } from './explained.ts'

const caller = { namespace: 'n', workload: 'w' }

const asking = (peers: PeerRules) => {
	const [name, target] = Object.entries(service('d/web', { id: 'e' }))[0]!
	const parts = { ...head('h.test'), ...slice('h.test', 'r', [rule('default/r/0', '', 'd/web')]) }
	return { ...parts, [name]: { ...(target as ServiceTarget), peers } }
}

describe('a strict service', () => {
	it('refuses a request that nobody is described to send', async () => {
		const explanation = await explained(asking({ mode: 'STRICT' }), 'http://h.test/')
		expect(explanation.outcomes).toMatchObject([{ outcome: 'refused', refusal: { reason: 'identity_required' } }])
		expect(explanation.stages.find(({ stage }) => stage === 'pick')).toMatchObject({ verdict: 'refused' })
	})

	it.each(['WorkloadProof', 'JWTSVID', 'ClientCertificate'] as const)(
		'takes who is described, by %s',
		async (method) => {
			const explanation = await explained(asking({ mode: 'STRICT', methods: [method] }), 'http://h.test/', { caller })
			expect(explanation.outcomes).toMatchObject([{ outcome: 'sent', service: 'd/web' }])
		},
	)
})

it('any other takes everybody', async () => {
	const explanation = await explained(asking({ mode: 'PERMISSIVE' }), 'http://h.test/')
	expect(explanation.outcomes).toMatchObject([{ outcome: 'sent' }])
})
