/** JWT-SVIDs in the name of a workload: for peers that know bearer tokens only, such as a cloud's identity federation. */
import { retimed, type Timed } from './clock.ts'
import type { Credential } from './credential.ts'
import { ownGrant } from './joining.ts'
import type { Keeper } from './keeper.ts'
import { askForToken } from './tokenEndpoint.ts'

interface Kept {
	readonly token: string
	/** Half of its life is left for whoever gets it. */
	readonly until: number
}

const MAX_KEPT = 64
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

/** `url`: the token endpoint. A token is given out again for the first half of its life. */
export function createTokens(runtime: Timed, keeper: Keeper<Credential>, url: string, workload: string) {
	const kept = new Map<string, Kept>()
	return async (audience: string | readonly string[]): Promise<string> => {
		const audiences = [audience].flat()
		const key = JSON.stringify([...audiences].sort())
		const known = kept.get(key)
		const credential = await keeper.current()
		if (known !== undefined && runtime.clock.now() < known.until) return known.token
		const { token, issuedAt, expiresAt } = await retimed(runtime.clock, async () => {
			const { parameters, ...grant } = await ownGrant(runtime, credential, url)
			const asked = { ...parameters, requested_token_type: JWT, workload, audience: audiences }
			return askForToken(runtime, url, { ...grant, parameters: asked })
		})
		if (kept.size >= MAX_KEPT) kept.clear()
		kept.set(key, { token, until: (issuedAt + expiresAt) / 2 })
		return token
	}
}
