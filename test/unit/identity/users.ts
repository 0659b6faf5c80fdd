/** An issuer of end users' tokens, and somebody who makes them with whatever header and claims they like. */
import { heldKeys } from '../../../src/identity/userKeys.ts'
import type { UserRule } from '../../../src/identity/userToken.ts'
import { forge, type Key, makeKey, SECONDS } from './world.ts'

export const ISSUER = 'https://id.example.com'
export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
export const issuerKey = makeKey()

type Fields = Readonly<Record<string, unknown>>

export const userClaims = { iss: ISSUER, sub: 'alice', aud: 'shop', iat: SECONDS - 10, exp: SECONDS + 300 }

export const userToken = (claims: Fields = {}, header: Fields = {}, key: Key = issuerKey): string =>
	forge({ alg: key.jwk.alg, kid: 'u1', typ: 'JWT', ...header }, { ...userClaims, ...claims }, key)

export const userRule = (changes: Partial<UserRule> = {}): UserRule => ({
	issuer: ISSUER,
	keys: { inline: heldKeys([{ kid: 'u1', jwk: issuerKey.jwk }]) },
	clockSkewMs: 60_000,
	spaceDelimitedClaims: ['scope'],
	...changes,
})
