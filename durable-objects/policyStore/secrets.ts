/** What the PolicyStore makes sure of about Secrets: sealed values come in, and none go out. */
import type { Resource } from '../../src/resources/resource.ts'
import { type Secret, withoutValues } from '../../src/resources/secret.ts'
import { isSealed } from '../../src/secrets/sealing.ts'

/** Throws on a Secret that was not sealed before it got here, which is a bug: its values must not reach the storage. */
export function requireSealed(resources: readonly Resource[]): void {
	for (const resource of resources)
		if (resource.kind === 'Secret' && !Object.values(resource.data).every(isSealed))
			throw new Error(`Secret ${resource.metadata.namespace}/${resource.metadata.name} came unsealed`)
}

/** A stored document as it may be shown: of a Secret, the keys alone. */
export function shown(document: string): Resource {
	const resource = JSON.parse(document) as Resource
	return resource.kind === 'Secret' ? (withoutValues(resource as Secret) as Resource) : resource
}
