/** Parts on their way to an isolate, with the credentials of services opened. What is stored stays sealed. */
import { err, type Result } from '../../src/result.ts'
import { openFor } from '../../src/secrets/credentials.ts'
import { createKeyring, type Keyring } from '../../src/secrets/sealing.ts'
import type { Part, ServiceTarget } from '../../src/snapshot/snapshot.ts'

/** Texts remembered, opened or not: some 20 kB each at most. Then the memory starts anew. */
const MAX_REMEMBERED = 500

export type Opener = (parts: readonly Part[]) => Promise<Part[]>

/**
 * `tell` hears of each credential that cannot be opened, once as long as it is remembered: its service, and why. A service whose
 * credential cannot be opened refuses its requests.
 */
export function createOpener(masterKey: string | undefined, tell: (service: string, why: string) => void): Opener {
	let keyring: ReturnType<typeof keyringOf> | undefined
	const remembered = new Map<string, Result<string, string>>()

	async function opened({ service }: ServiceTarget, text: string): Promise<Result<string, string>> {
		const id = `${service} ${text}`
		const known = remembered.get(id)
		if (known !== undefined) return known
		keyring ??= keyringOf(masterKey)
		const result = await openFor(service.slice(0, service.indexOf('/')), text, await keyring)
		if (!result.ok && !remembered.has(id)) tell(service, result.error)
		if (remembered.size >= MAX_REMEMBERED) remembered.clear()
		remembered.set(id, result)
		return result
	}

	async function openPart(part: Part): Promise<Part> {
		const target = JSON.parse(part.body!) as ServiceTarget
		const { credential } = target
		if (credential === undefined || 'invalid' in credential) return part
		const { value } = credential
		const text = await opened(target, value.secret)
		const usable = text.ok
			? { ...credential, value: { ...value, secret: text.value } }
			: { invalid: `spec.credential: ${text.error}` }
		return { ...part, body: JSON.stringify({ ...target, credential: usable }) }
	}

	return (parts) => Promise.all(parts.map((part) => (mayHaveCredential(part) ? openPart(part) : part)))
}

/** Reading a body is dear, and hardly any service has a credential. */
const mayHaveCredential = ({ name, body }: Part): boolean =>
	name.startsWith('service/') && body?.includes('"credential":{') === true

async function keyringOf(masterKey: string | undefined): Promise<Result<Keyring, string>> {
	if (masterKey === undefined || masterKey === '') return err('there is no MASTER_KEY')
	const made = await createKeyring(masterKey)
	return made.ok ? made : err(`MASTER_KEY: ${made.error}`)
}
