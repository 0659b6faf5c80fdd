/** Which API versions are read as which. */
import { expect, test } from 'vitest'
import {
	CoreApiVersion,
	GatewayApiVersion,
	SecurityApiVersion,
	SelvedgeApiVersion,
} from '../../../src/resources/apiVersions.ts'

test("Istio's documents of who may call are read as the mesh's own", () => {
	const versions = ['selvedge.dev/v1', 'security.istio.io/v1', 'security.istio.io/v1beta1']
	for (const version of versions) expect(SecurityApiVersion.parse(version)).toBe('selvedge.dev/v1')
	expect(SecurityApiVersion.safeParse('security.istio.io/v1alpha1').success).toBe(false)
})

test('Gateway API documents of v1beta1 are read as v1; other kinds have one version', () => {
	const v1 = 'gateway.networking.k8s.io/v1'
	expect([v1, `${v1}beta1`].map((version) => GatewayApiVersion.parse(version))).toEqual([v1, v1])
	expect(GatewayApiVersion.safeParse(`${v1}alpha2`).success).toBe(false)
	expect(SelvedgeApiVersion.safeParse('selvedge.dev/v1beta1').success).toBe(false)
	expect(CoreApiVersion.safeParse('v2').success).toBe(false)
})
