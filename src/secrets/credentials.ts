/** Sealed texts on their way into requests: a Secret's values sealed, and a credential's opened. */
import { secretEntry } from '../names.ts'
import { err, type Result } from '../result.ts'
import { type Keyring, open, seal } from './sealing.ts'

/** The values of a Secret's keys, each sealed for its own entry. */
export async function sealValues(
	keyring: Keyring,
	{ namespace, name }: { readonly namespace: string; readonly name: string },
	values: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
	const sealed: Record<string, string> = {}
	for (const [key, value] of Object.entries(values))
		sealed[key] = await seal(keyring, secretEntry(namespace, name, key), value)
	return sealed
}

/**
 * Opens a sealed text as it stands in a snapshot, after the entry that it is sealed for: `<entry>=<sealed>`. Only for a service
 * in the namespace of the entry. The error says what is wrong in words that name the entry, and nothing of its value.
 */
export async function openFor(
	namespace: string,
	text: string,
	keyring: Result<Keyring, string>,
): Promise<Result<string, string>> {
	const [entry = '', sealed = ''] = text.split('=')
	if (!entry.startsWith(`Secret/${namespace}/`)) return err(`${entry} is not of namespace ${namespace}`)
	if (!keyring.ok) return err(`${entry} cannot be opened: ${keyring.error}`)
	const opened = await open(keyring.value, entry, sealed)
	return opened.ok ? opened : err(`${entry} cannot be opened: ${sentences[opened.error]}`)
}

const sentences = {
	malformed: 'it is not sealed',
	unknown_key: 'the MASTER_KEY that sealed it is not in the list any more',
	altered: 'it was altered, or sealed for another entry',
}
