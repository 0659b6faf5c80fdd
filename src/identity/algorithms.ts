/** The signature algorithms of JOSE (RFC 7518 §3.1, RFC 8037 §3.1) that the mesh knows. None is symmetric, none is `none`. */

interface Ecdsa {
	readonly kty: 'EC'
	readonly import: { readonly name: 'ECDSA'; readonly namedCurve: string }
	readonly verify: { readonly name: 'ECDSA'; readonly hash: string }
	/** Of a coordinate, and of each half of a signature (IEEE P1363). */
	readonly fieldBytes: number
}

interface Rsa {
	readonly kty: 'RSA'
	readonly import: { readonly name: string; readonly hash: string }
	readonly verify: { readonly name: string; readonly saltLength?: number }
}

interface Edwards {
	readonly kty: 'OKP'
	readonly import: { readonly name: 'Ed25519' }
	readonly verify: { readonly name: 'Ed25519' }
}

export type Algorithm = Ecdsa | Rsa | Edwards

const ecdsa = (bits: number, hash: string): Ecdsa => ({
	kty: 'EC',
	import: { name: 'ECDSA', namedCurve: `P-${bits}` },
	verify: { name: 'ECDSA', hash },
	fieldBytes: Math.ceil(bits / 8),
})
const pkcs1 = (hash: string): Rsa => ({
	kty: 'RSA',
	import: { name: 'RSASSA-PKCS1-v1_5', hash },
	verify: { name: 'RSASSA-PKCS1-v1_5' },
})
/** The salt is as long as the hash (RFC 7518 §3.5). */
const pss = (hash: string, saltLength: number): Rsa => ({
	kty: 'RSA',
	import: { name: 'RSA-PSS', hash },
	verify: { name: 'RSA-PSS', saltLength },
})

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
	['ES256', ecdsa(256, 'SHA-256')],
	['ES384', ecdsa(384, 'SHA-384')],
	['ES512', ecdsa(521, 'SHA-512')],
	['RS256', pkcs1('SHA-256')],
	['RS384', pkcs1('SHA-384')],
	['RS512', pkcs1('SHA-512')],
	['PS256', pss('SHA-256', 32)],
	['PS384', pss('SHA-384', 48)],
	['PS512', pss('SHA-512', 64)],
	['EdDSA', { kty: 'OKP', import: { name: 'Ed25519' }, verify: { name: 'Ed25519' } }],
])

/** Undefined: not an algorithm that the mesh knows. */
export const algorithmOf = (alg: string): Algorithm | undefined => ALGORITHMS.get(alg)

/** What an SVID, and the key that it binds, may use: all of them but EdDSA (SPIFFE WIT-SVID §2.3, §3.2; JWT-SVID §2.1). */
export const isSvidAlgorithm = (alg: string): boolean => alg !== 'EdDSA' && ALGORITHMS.has(alg)

/** The one algorithm that a key is for: it was imported for no other. Undefined: no signature key that the mesh knows. */
export function algOfKey({ algorithm }: CryptoKey): string | undefined {
	const { name, namedCurve, hash } = algorithm as {
		name: string
		namedCurve?: string
		hash?: { name: string } | string
	}
	const hashName = typeof hash === 'string' ? hash : hash?.name
	for (const [alg, { import: wanted }] of ALGORITHMS)
		if (
			wanted.name === name &&
			(!('namedCurve' in wanted) || wanted.namedCurve === namedCurve) &&
			(!('hash' in wanted) || wanted.hash === hashName)
		)
			return alg
	return undefined
}
