/** What somebody who is limited to namespaces may see and change. */
import { isVirtualHostHead, type PartName } from './names.ts'
import type { Principal } from './ports.ts'

type Limited = Pick<Principal, 'namespaces'>

/** Cluster-wide resources have the namespace `-`, which nobody who is limited has. */
export const ownsNamespace = ({ namespaces }: Limited, namespace: string): boolean =>
	namespaces === undefined || namespaces.includes(namespace)

/** Of a name that begins with its namespace: `<namespace>/<name>` of a service or route, and what goes on after that. */
export const ownsName = (who: Limited, name: string): boolean =>
	ownsNamespace(who, name.includes('/') ? name.slice(0, name.indexOf('/')) : '')

/** Of `<kind>/<namespace>/<name>`. */
export const ownsKey = (who: Limited, key: string): boolean => ownsName(who, key.slice(key.indexOf('/') + 1))

/** Whether a part of the snapshot is for those to see who are limited. The head of a virtual host says only that there is one. */
export function ownsPart(who: Limited, part: PartName): boolean {
	if (who.namespaces === undefined || isVirtualHostHead(part)) return true
	const [kind, ...rest] = part.split('/')
	return ownsNamespace(who, (kind === 'virtualHost' ? rest[1] : rest[0]) ?? '')
}

/** Whether a document speaks for the whole mesh, in whichever namespace it stands. */
export function isMeshWide(resource: object): boolean {
	const { spec } = resource as { spec?: { targetRefs?: unknown } }
	return Array.isArray(spec?.targetRefs) && spec.targetRefs.some(({ kind }: { kind?: unknown }) => kind === 'Mesh')
}
