/** A service's credential as it travels: the Secret that it names found, its value still sealed. */
import { resourceKey, secretEntry } from '../../names.ts'
import type { Credential as Named } from '../../resources/credential.ts'
import type { Secret } from '../../resources/secret.ts'
import type { Service } from '../../resources/service.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import type { Credential, SecretText } from '../snapshot.ts'

/** The entry of a Secret that the service names, the field that names it, and where its value goes. */
function described(credential: Named): {
	readonly field: string
	readonly ref: { readonly name: string; readonly key: string }
	readonly in: 'header' | 'query'
	readonly name: string
	readonly text: Omit<SecretText, 'secret'>
} {
	const { bearer, basic, apiKey } = credential
	const authorization = { in: 'header', name: 'authorization' } as const
	if (bearer !== undefined)
		return { field: 'bearer', ref: bearer.secretRef, ...authorization, text: { before: 'Bearer ' } }
	if (basic !== undefined) {
		const text = { before: 'Basic ', basic: { username: basic.username } }
		return { field: 'basic', ref: basic.secretRef, ...authorization, text }
	}
	const { in: where, name, secretRef } = apiKey!
	const written = where === 'header' ? name.toLowerCase() : name
	return { field: 'apiKey', ref: secretRef, in: where, name: written, text: { before: '' } }
}

/** The target that a Service's credential depends on: its Secret, which is in the same namespace. */
export function secretTarget({ metadata, spec }: Service): string | undefined {
	if (spec.credential === undefined) return undefined
	return resourceKey('Secret', metadata.namespace, described(spec.credential).ref.name)
}

/** A Secret that is not there, or whose value cannot go where it should, is told instead: no request is sent without it. */
export function resolveCredential({ metadata, spec }: Service, index: ResourceIndex): Credential | undefined {
	if (spec.credential === undefined) return undefined
	const { field, ref, in: where, name, text } = described(spec.credential)
	const refused = (what: string) => ({ invalid: `spec.credential.${field}.secretRef: Secret ${ref.name} ${what}` })
	const found = index.get(resourceKey('Secret', metadata.namespace, ref.name))
	if (found === undefined) return refused('not found')
	const { data, unfit } = found.resource as Secret
	const sealed = Object.hasOwn(data, ref.key) ? data[ref.key] : undefined
	if (sealed === undefined) return refused(`has no key ${ref.key}`)
	const wrong = Object.hasOwn(unfit, ref.key) ? unfit[ref.key] : undefined
	if (wrong === 'never') return refused(`key ${ref.key} has a line break or another control character`)
	if (wrong === 'encoded' && where === 'header' && text.basic === undefined)
		return refused(`key ${ref.key} has characters that a header field cannot carry: it must be visible ASCII`)
	return {
		in: where,
		name,
		value: { ...text, secret: `${secretEntry(metadata.namespace, ref.name, ref.key)}=${sealed}` },
	}
}
