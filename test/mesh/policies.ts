/** AuthorizationPolicies of meshes under test, as short as they can be. */
import { extension } from './rules.ts'

export const ofService = (name: string) => ({ group: 'selvedge.dev', kind: 'Service', name })
export const ofRoute = (name: string, sectionName?: string) => ({
	...{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name },
	...(sectionName && { sectionName }),
})
export const ofNamespace = (name: string) => ({ kind: 'Namespace', name })
export const OF_MESH = { kind: 'Mesh', name: 'default' }

/** Without rules it never matches; `[{}]` matches everything. */
export const policy = (name: string, target: object, action: string, rules?: object[], more: object = {}) =>
	extension('AuthorizationPolicy', name, { targetRefs: [target], action, ...(rules && { rules }), ...more })

export const on = (paths: string[], more: object = {}) => ({ to: [{ operation: { paths, ...more } }] })
export const from = (source: object) => ({ from: [{ source }] })
