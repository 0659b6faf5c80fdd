/** The real openssl: a verifier that knows nothing of the mesh, in a folder of its own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OPENSSL = 'openssl'

export interface Ran {
	readonly succeeded: boolean
	/** What it wrote, errors too. */
	readonly output: string
}

export interface Workshop {
	/** Runs openssl in the folder. */
	run(...args: readonly string[]): Ran
	/** Its standard output; throws when it fails. */
	read(...args: readonly string[]): string
	/** The name of a new file with this text. */
	file(text: string): string
	remove(): void
}

export function openWorkshop(): Workshop {
	const folder = mkdtempSync(join(tmpdir(), 'selvedge-openssl-'))
	let files = 0
	const run = (...args: readonly string[]): Ran & { readonly text: string } => {
		const { error, status, stdout, stderr } = spawnSync(OPENSSL, args, { cwd: folder, encoding: 'utf8' })
		if (error !== undefined)
			throw new Error(`These tests need openssl 3 on the PATH (Debian: apt-get install openssl): ${error.message}`)
		return { succeeded: status === 0, output: stdout + stderr, text: stdout }
	}
	return {
		run,
		read: (...args) => {
			const { succeeded, output, text } = run(...args)
			if (!succeeded) throw new Error(`openssl ${args.join(' ')}: ${output}`)
			return text
		},
		file: (text) => {
			files += 1
			writeFileSync(join(folder, `${files}.pem`), text)
			return `${files}.pem`
		},
		remove: () => rmSync(folder, { recursive: true }),
	}
}

/** How a verifier from outside sees a chain. */
export interface Verification {
	readonly leaf: string
	/** What the peer sends beside its leaf. */
	readonly chain: readonly string[]
	/** What the verifier believes. */
	readonly roots: readonly string[]
	/** ms since the epoch. */
	readonly at: number
	readonly purpose?: 'sslserver' | 'sslclient' | 'smimesign'
	/** Revocation lists, PEM. With them, each certificate of the chain needs the one of its issuer. */
	readonly lists?: readonly string[]
}

/** A revocation list as openssl and Node read it from files. */
export const pemOfList = (der: Uint8Array): string => {
	const lines =
		Buffer.from(der)
			.toString('base64')
			.match(/.{1,64}/g) ?? []
	return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n')
}

/** `openssl verify`, as strict as it can be and with no certificates of the machine's own. */
export function verify(shop: Workshop, verification: Verification): Ran {
	const { leaf, chain, roots, at, purpose = 'sslserver', lists } = verification
	const checked = lists === undefined ? [] : ['-crl_check_all', '-CRLfile', shop.file(lists.join(''))]
	const untrusted = chain.length > 0 ? ['-untrusted', shop.file(chain.join(''))] : []
	const trusted = ['-no-CApath', '-no-CAstore', '-CAfile', shop.file(roots.join(''))]
	const strict = ['-x509_strict', '-check_ss_sig', '-purpose', purpose, '-attime', String(Math.floor(at / 1000))]
	return shop.run('verify', ...strict, ...checked, ...trusted, ...untrusted, shop.file(leaf))
}

/** A new P-256 key and a request for it, both PEM, as a person would make them. */
export function requestOf(
	shop: Workshop,
	...options: readonly string[]
): { readonly key: string; readonly csr: string } {
	const key = shop.read('ecparam', '-name', 'prime256v1', '-genkey', '-noout')
	return { key, csr: shop.read('req', '-new', '-key', shop.file(key), '-subj', '/', ...options) }
}
