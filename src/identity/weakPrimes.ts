/**
 * ROCA (CVE-2017-15361; Nemec et al., ACM CCS 2017): RSA keys of a widely sold chip, whose primes are so few kinds that who sees
 * the public key can find the private one.
 */

/** Those whose residues tell such a key from others: modulo each, its modulus is a power of 65537. By chance once in 2^27 keys. */
const TELLING = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]

export const isRocaModulus = (modulus: Uint8Array): boolean =>
	TELLING.every((prime) => isPower(65_537 % prime, residue(modulus, prime), prime))

const residue = (modulus: Uint8Array, prime: number): number =>
	modulus.reduce((rest, byte) => (rest * 256 + byte) % prime, 0)

function isPower(base: number, value: number, prime: number): boolean {
	for (let power = base, step = 1; step < prime; step++, power = (power * base) % prime)
		if (power === value) return true
	return false
}
