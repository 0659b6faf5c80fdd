/** Of how many issuers one namespace may have the mesh fetch the keys: there is room for 256, and it is everybody's. */
import { keysName } from '../../src/joining/issuerDocuments.ts'
import { MESH_NAMESPACES } from '../../src/resources/policyTarget.ts'
import { keyOf, type Resource } from '../../src/resources/resource.ts'
import type { Changed } from '../../src/snapshot/affected.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import { TooLarge } from './limits.ts'

const SHARE = 64
const KIND = 'RequestAuthentication'

/**
 * Throws `TooLarge` where a namespace would have more than its share, and more than it has: what is too much already may become less.
 * The index shows the changes already.
 */
export function requireShareOfIssuers(index: ResourceIndex, changes: readonly Changed[]): void {
	const changed = changes.filter(({ key }) => key.startsWith(`${KIND}/`))
	for (const namespace of new Set(changed.map(({ key }) => key.split('/')[1]!))) {
		// Only those who see everything write what speaks for the mesh.
		if (MESH_NAMESPACES.includes(namespace)) continue
		const documents = index.inNamespace(KIND, namespace)
		const { size } = issuersOf(documents)
		if (size <= SHARE) continue
		const own = changed.filter(({ key }) => key.startsWith(`${KIND}/${namespace}/`))
		const keys = new Set(own.map(({ key }) => key))
		const others = documents.filter((document) => !keys.has(keyOf(document)))
		const before = issuersOf([...others, ...own.flatMap(({ before }) => before ?? [])])
		if (size <= before.size) continue
		// Something was added, or there would not be more.
		const { key } = own.findLast((one) => [...issuersOf(at(index, one))].some((name) => !before.has(name)))!
		throw new TooLarge(
			`${key}: spec.jwtRules: with it the keys of ${size} issuers would be fetched for namespace ${namespace}, where at most ${SHARE} are. Name fewer issuers, or write the keys of some into jwks`,
		)
	}
}

const at = (index: ResourceIndex, { key }: Changed): readonly Resource[] => {
	const found = index.get(key)
	return found === undefined ? [] : [found.resource]
}

/** By the names under which the key ring keeps their keys. */
const issuersOf = (documents: readonly Resource[]): ReadonlySet<string> =>
	new Set(
		documents
			.flatMap((document) => (document.kind === KIND ? document.spec.jwtRules : []))
			.filter(({ jwks }) => jwks === undefined)
			.map(({ issuer, jwksUri }) => keysName({ issuer, ...(jwksUri === undefined ? {} : { jwksUri }) })),
	)
