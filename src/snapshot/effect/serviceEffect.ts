/** What a changed service part means: endpoints that came, went or changed, and a credential that is told of but never shown. */

import type { Credential, Endpoint, ServiceTarget } from '../snapshot.ts'
import { namedRules } from './accessEffect.ts'
import { type FieldChange, fieldChanges } from './fieldChanges.ts'

export interface EndpointEffect {
	readonly endpoint: string
	readonly change: 'added' | 'removed' | 'changed'
	/** A removed endpoint has none: all of it went. */
	readonly fields: readonly FieldChange[]
}

/** In order of id. */
export function endpointEffects(before: readonly Endpoint[], after: readonly Endpoint[]): EndpointEffect[] {
	const were = new Map(before.map((endpoint) => [endpoint.id, endpoint]))
	const are = new Map(after.map((endpoint) => [endpoint.id, endpoint]))
	return [...new Set([...were.keys(), ...are.keys()])].sort().flatMap((id): EndpointEffect[] => {
		const [was, is] = [were.get(id), are.get(id)]
		if (is === undefined) return [{ endpoint: id, change: 'removed', fields: [] }]
		const fields = fieldChanges(was === undefined ? null : described(was), described(is))
		return fields.length === 0 ? [] : [{ endpoint: id, change: was === undefined ? 'added' : 'changed', fields }]
	})
}

const described = ({ id: _, ...endpoint }: Endpoint): object => endpoint

/** Everything of a service but its endpoints. A removed service has none: all of it went. */
export function serviceFieldChanges(before: ServiceTarget | null, after: ServiceTarget | null): FieldChange[] {
	if (after === null) return []
	return [...fieldChanges(plain(before), plain(after)), ...credentialChanges(before?.credential, after.credential)]
}

function plain(target: ServiceTarget | null): object | null {
	if (target === null) return null
	const { kind: _, service: __, endpoints: ___, credential: ____, ...fields } = target
	return namedRules(fields)
}

/** Where the credential goes, or why it cannot be added. Another secret in the same place is told without a word of either. */
function credentialChanges(before: Credential | undefined, after: Credential | undefined): FieldChange[] {
	const [was, is] = [place(before), place(after)]
	const changes = fieldChanges({ credential: was }, { credential: is })
	if (changes.length > 0 || JSON.stringify(before) === JSON.stringify(after)) return changes
	return [{ path: 'credential.value', before: 'secret', after: 'another secret' }]
}

function place(credential: Credential | undefined): object | null {
	if (credential === undefined) return null
	return 'invalid' in credential ? { invalid: credential.invalid } : { in: credential.in, name: credential.name }
}
