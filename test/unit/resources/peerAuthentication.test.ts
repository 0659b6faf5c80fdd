/** What a PeerAuthentication may say, and where it may say it. */
import { describe, expect, it } from 'vitest'
import { parsed, peerAuthentication, problems, times } from './fixtures.ts'

const cart = { kind: 'Service', name: 'cart' }
const on = (sections: object, targetRefs: object[] = [cart]) => peerAuthentication({ targetRefs, ...sections })
const inNamespace = (namespace: string, document: object) => ({ ...document, metadata: { name: 'p', namespace } })
/** Paths begin inside the spec. */
const told = (document: unknown) => problems(document).map((problem) => problem.replace(/^spec\./, ''))

describe('a PeerAuthentication', () => {
	it('says nothing that its document does not say: what is left out is for policies farther away to tell', () => {
		expect(parsed(on({ mode: 'STRICT' }))).toEqual({
			apiVersion: 'selvedge.dev/v1',
			kind: 'PeerAuthentication',
			metadata: { name: 'proven', namespace: 'default', labels: {}, annotations: {} },
			spec: { targetRefs: [{ group: '', kind: 'Service', name: 'cart' }], mode: 'STRICT' },
		})
	})

	it('can be sent back as answered', () => {
		const all = {
			mode: 'DISABLE',
			methods: ['ClientCertificate', 'JWTSVID', 'WorkloadProof'],
			proofReuse: 'UntilExpiry',
		}
		const answered = parsed(on(all))
		expect(answered.spec).toMatchObject(all)
		expect(parsed({ ...answered, status: { ancestors: [] } })).toEqual(answered)
	})

	it('speaks for the mesh, its namespace and its Services', () => {
		const refs = [{ kind: 'Mesh', name: 'default' }, { kind: 'Namespace', name: 'default' }, cart]
		expect(told(on({ mode: 'STRICT' }, refs))).toEqual([])
	})
})

const methods = 'must be one of WorkloadProof, JWTSVID, ClientCertificate [UnsupportedValue]'
it.each<[unknown, string[]]>([
	[on({}), ['spec: must have at least one of mode, methods, proofReuse']],
	[peerAuthentication({ mode: 'STRICT' }), ['targetRefs: is required']],
	[on({ mode: 'STRICT' }, []), ['targetRefs: must have at least 1 entry']],
	[
		on(
			{ mode: 'STRICT' },
			times(17, (i) => ({ kind: 'Service', name: `s${i}` })),
		),
		['targetRefs: must have at most 16 entries'],
	],
	[on({ mode: 'STRICT' }, [cart, cart]), ['targetRefs[1]: must be unique: targetRef 0 names this target']],
	[
		on({ mode: 'STRICT' }, [{ kind: 'HTTPRoute', name: 'shop' }]),
		['targetRefs[0].kind: must be one of Mesh, Namespace, Service [UnsupportedValue]'],
	],
	[
		inNamespace('shop', on({ mode: 'STRICT' }, [{ kind: 'Mesh', name: 'default' }])),
		[
			'targetRefs[0].kind: must not be Mesh outside namespace default or istio-system: others may not speak for the mesh',
		],
	],
	[
		on({ mode: 'STRICT' }, [{ kind: 'Namespace', name: 'shop' }]),
		["targetRefs[0].name: must be 'default': a policy speaks for no namespace but its own"],
	],
	[on({ mode: 'strict' }), ['mode: must be one of STRICT, PERMISSIVE, DISABLE [UnsupportedValue]']],
	[on({ methods: [] }), ['methods: must have at least 1 entry']],
	[on({ methods: ['mTLS'] }), [`methods[0]: ${methods}`]],
	[on({ methods: ['JWTSVID', 'WorkloadProof', 'JWTSVID'] }), ['methods[2]: must be unique: entry 0 is this method']],
	[on({ proofReuse: true }), ['proofReuse: must be one of Never, UntilExpiry [UnsupportedValue]']],
	[
		on({ proofReuse: 'UntilExpiry', methods: ['JWTSVID', 'ClientCertificate'] }),
		['proofReuse: must be left out: only a WorkloadProof can be reused, and methods does not name it'],
	],
	[
		on({ mode: 'STRICT', mtls: {} }),
		['mtls: is not a field here; must be one of targetRefs, mode, methods, proofReuse'],
	],
])('judges %j', (document, expected) => {
	expect(told(document)).toEqual(expected)
})
