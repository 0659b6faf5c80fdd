/** Certification requests as workloads make them. */
import 'reflect-metadata'
import { cryptoProvider, Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509'

cryptoProvider.set(crypto)

/** PKCS #10, PEM, of a new key unless one is given. */
export async function csrFor(spiffeId: string, given?: CryptoKeyPair): Promise<string> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
	const keys = given ?? ((await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair)
	const request = await Pkcs10CertificateRequestGenerator.create({
		keys,
		signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
		extensions: [new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }])],
	})
	return request.toString('pem')
}
