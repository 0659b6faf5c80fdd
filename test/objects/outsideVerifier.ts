/** Somebody outside who verifies certificates of the mesh with its revocation lists, and with nothing else of it. */
import { CRLDistributionPointsExtension, X509Certificate, X509Crl } from '@peculiar/x509'
import { expect } from 'vitest'
import type { IssuedCertificate, RevocationList } from '../../src/ports.ts'
import { keyRing } from './keyRingObjects.ts'

export const listsNow = async (known: Record<string, number> = {}): Promise<Map<string, RevocationList>> =>
	new Map((await keyRing().revocationLists(known)).map((list) => [list.keyId, list]))
export const numberOf = (pem: string) => new X509Certificate(pem).serialNumber.replace(/^0+/, '')
/** The key id of the list that a certificate names; undefined: it is a root. */
export function listIdOf(pem: string): string | undefined {
	const points = new X509Certificate(pem).getExtension(CRLDistributionPointsExtension)?.distributionPoints
	const url = points?.[0]?.distributionPoint?.fullName?.[0]?.uniformResourceIdentifier
	if (url === undefined) return undefined
	expect(url).toMatch(/^https?:\/\/admin\.mesh\.localhost(:\d+)?\/v1\/identity\/crl\/[0-9a-f]{40}\.crl$/)
	return url.slice(-44, -4)
}
export const crlOf = ({ der }: RevocationList) => new X509Crl(new Uint8Array(der!))
export const entriesOf = (list: RevocationList | undefined) =>
	crlOf(list!).entries.map(({ serialNumber, revocationDate, reason }) => ({
		serialNumber: serialNumber.replace(/^0+/, ''),
		revokedAt: revocationDate.getTime(),
		reason,
	}))
/** Serial numbers on the list that takes back such leaves. */
export const listed = async ({ chain }: IssuedCertificate): Promise<string[]> =>
	entriesOf((await listsNow()).get(listIdOf(chain[0]!)!)).map(({ serialNumber }) => serialNumber)

type Verdict = 'good' | 'revoked' | 'no list' | 'no chain'

/** As somebody outside finds it who knows one root, and wants a good list of each authority between that and the leaf. */
export async function verdict({ chain }: IssuedCertificate, rootPem: string): Promise<Verdict> {
	const lists = await listsNow()
	let pem = chain[0]!
	for (const others = chain.slice(1); ; ) {
		const parsed = new X509Certificate(pem)
		const candidates = [rootPem, ...others]
		const above = candidates.find((each) => new X509Certificate(each).subject === parsed.issuer)
		if (above === undefined) return 'no chain'
		const authority = new X509Certificate(above)
		if (!(await parsed.verify({ publicKey: authority, date: new Date() }))) return 'no chain'
		const list = lists.get(listIdOf(pem)!)
		if (list === undefined) return 'no list'
		const crl = crlOf(list)
		const isValid = crl.thisUpdate.getTime() <= Date.now() && Date.now() < crl.nextUpdate!.getTime()
		if (!isValid || crl.issuer !== authority.subject || !(await crl.verify({ publicKey: authority }))) return 'no list'
		if (entriesOf(list).some(({ serialNumber }) => serialNumber === numberOf(pem))) return 'revoked'
		if (above === rootPem) return 'good'
		others.splice(others.indexOf(above), 1)
		pem = above
	}
}
