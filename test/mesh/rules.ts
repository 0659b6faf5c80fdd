/** Routes of meshes under test that do more than send requests on, and the resources that their filters name. */
import { gateway } from './documents.ts'

const MESH_API = { apiVersion: 'selvedge.dev/v1' }

/** A Gateway for the host `<name>.test`, and a route with one rule, `all`. */
export const ruled = (name: string, rule: object): object[] => [
	gateway(name, `${name}.test`),
	{
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'HTTPRoute',
		metadata: { name },
		spec: { parentRefs: [{ name }], rules: [{ name: 'all', ...rule }] },
	},
]

/** The backendRefs of a rule: all of its requests to one service. */
export const to = (name: string, more: object = {}) => ({ backendRefs: [{ name, port: 80, ...more }] })

export const prefix = (value: string) => ({ matches: [{ path: { type: 'PathPrefix', value } }] })

/** A resource of the mesh's own. */
export const extension = (kind: string, name: string, spec: object) => ({ ...MESH_API, kind, metadata: { name }, spec })

/** The filter that names such a resource. */
export const extensionRef = (kind: string, name: string) => ({
	type: 'ExtensionRef',
	extensionRef: { group: 'selvedge.dev', kind, name },
})

export const requestHeaders = (edits: object) => ({ type: 'RequestHeaderModifier', requestHeaderModifier: edits })
export const responseHeaders = (edits: object) => ({ type: 'ResponseHeaderModifier', responseHeaderModifier: edits })
export const mirror = (name: string, share: object = {}) => ({
	type: 'RequestMirror',
	requestMirror: { backendRef: { name, port: 80 }, ...share },
})
