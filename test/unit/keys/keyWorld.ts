/** A mesh of keys without cryptography: a ring, the root that takes over what it publishes, verifiers with copies, and what was signed. */
import { chainBelowRoots, leafAuthorities, rootCertificates, tokenKeys } from '../../../src/keys/publication.ts'
import {
	activeKey,
	EMPTY_RING,
	isLive,
	type KeySettings,
	PURPOSES,
	pendingKey,
	type Ring,
	type RingKey,
} from '../../../src/keys/ring.ts'
import { dueRotations, maxAgeSeconds } from '../../../src/keys/schedule.ts'
import {
	acknowledge,
	adoptSettings,
	announce,
	type Material,
	reconcile,
	removeExpired,
	request,
	revoke,
	revokeRoot,
	rotate,
	start,
} from '../../../src/keys/transitions.ts'
import type { KeyPurpose } from '../../../src/ports/keyRing.ts'

interface Signed {
	readonly kid: string
	readonly exp: number
	/** Of a leaf: kids of the roots to which its chain leads. */
	readonly roots?: readonly string[]
}

export interface World {
	now: number
	ring: Ring
	settings: KeySettings
	/** What the root has. */
	taken: { version: number; kids: ReadonlySet<string> }
	/** Kids, and when each copy may be used last. */
	copies: { readonly kids: ReadonlySet<string>; readonly until: number }[]
	signed: Signed[]
	/** Kids that took over without notice: first keys, and substitutes. */
	readonly sudden: Set<string>
	/** Versions that the root has taken over, and whose answer is on its way. */
	readonly lateAnswers: number[]
	servedAt: number
	made: number
}

export const kidsOf = (ring: Ring): Set<string> =>
	new Set([
		...tokenKeys(ring).map(({ kid }) => kid),
		...leafAuthorities(ring).map(({ keyId }) => keyId),
		...rootCertificates(ring),
	])

const newKey = (world: World, purpose: KeyPurpose): RingKey => {
	const kid = `${purpose}-${++world.made}`
	const jwk = { kty: 'EC', alg: 'ES256', crv: 'P-256', x: kid, y: kid } as const
	const key = { kid, purpose, state: 'pending', jwk, createdAt: world.now } as const
	if (purpose === 'x509-root') return { ...key, authority: { keyId: kid, certificate: kid } }
	return purpose === 'x509-intermediate' ? { ...key, authority: { keyId: kid } } : key
}

const below = (key: RingKey, root: string) => ({ keyId: key.kid, certificate: `${key.kid} by ${root}` })

/** As the KeyRing commits: whatever is published is announced with the change. */
function commit(world: World, change: (ring: Ring) => Ring): void {
	const before = [...kidsOf(world.ring)].join()
	const after = change(world.ring)
	world.ring = [...kidsOf(after)].join() === before ? after : announce(after, world.now)
}

export function startWorld(settings: KeySettings): World {
	const world: World = {
		now: 1_000_000_000_000,
		ring: EMPTY_RING,
		settings,
		taken: { version: 0, kids: new Set() },
		copies: [],
		signed: [],
		sudden: new Set(),
		lateAnswers: [],
		servedAt: 0,
		made: 0,
	}
	let root = ''
	const materials = PURPOSES.map((purpose): Material => {
		const first = newKey(world, purpose)
		if (purpose === 'x509-root') root = first.kid
		world.sudden.add(first.kid)
		const successor = purpose === 'x509-intermediate' ? { ...first, authority: below(first, root) } : first
		return { standby: newKey(world, purpose), successor }
	})
	commit(world, (ring) => start(ring, materials, world.now))
	return world
}

const active = (world: World, purpose: KeyPurpose): RingKey => activeKey(world.ring, purpose)!
const standby = (world: World, purpose: KeyPurpose): RingKey => pendingKey(world.ring, purpose)!

function certificatesFor(world: World, purpose: KeyPurpose): Material['certified'] {
	const next = standby(world, purpose)
	if (purpose === 'x509-intermediate') return { [next.kid]: below(next, active(world, 'x509-root').kid) }
	if (purpose !== 'x509-root') return {}
	const [before, intermediate] = [active(world, 'x509-root'), active(world, 'x509-intermediate')]
	const cross = { certificate: `${next.kid} by ${before.kid}`, by: before.kid }
	return { [next.kid]: { ...next.authority!, cross }, [intermediate.kid]: below(intermediate, next.kid) }
}

/** `rotated` hears of every key that takes over in good order. */
export function tick(world: World, rotated: (key: RingKey) => void): void {
	for (const purpose of dueRotations(world.ring, world.settings, world.now)) {
		rotated(standby(world, purpose))
		const material = { standby: newKey(world, purpose), certified: certificatesFor(world, purpose)! }
		commit(world, (ring) => rotate(ring, purpose, material, world.now))
	}
	commit(world, (ring) => removeExpired(ring, world.now))
}

export function ask(world: World, purpose: KeyPurpose): void {
	commit(world, (ring) => request(ring, [purpose]))
}

/** The kids that are not to be trusted any more. `lost`: nobody can open the standby either. */
export function compromise(world: World, purpose: KeyPurpose, lost: boolean): string[] {
	const live = new Set(world.ring.keys.filter(isLive).map(({ kid }) => kid))
	const substitute = (of: KeyPurpose, root?: string): Material & { next: RingKey } => {
		const next = lost ? newKey(world, of) : standby(world, of)
		world.sudden.add(next.kid)
		const above = root ?? active(world, 'x509-root').kid
		const successor = of === 'x509-intermediate' ? { ...next, authority: below(next, above) } : next
		const certified = { [next.kid]: successor.authority! }
		return {
			next,
			standby: newKey(world, of),
			...(lost && { successor }),
			...(successor.authority && { certified }),
		}
	}
	if (purpose === 'x509-root') {
		const root = substitute('x509-root')
		const intermediate = substitute('x509-intermediate', root.next.kid)
		commit(world, (ring) => revokeRoot(ring, { root, intermediate }, world.now))
	} else {
		const material = substitute(purpose)
		commit(world, (ring) => revoke(ring, purpose, material, world.now))
	}
	const now = new Set(world.ring.keys.filter(isLive).map(({ kid }) => kid))
	return [...live].filter((kid) => !now.has(kid))
}

/** The root hears of it, or not, and the ring of that, or not. */
export function publish(world: World, fate: 'told' | 'lost' | 'answerLost' | 'answerLate'): void {
	const { version, publishedVersion } = world.ring
	if (fate === 'lost' || publishedVersion >= version) return
	if (version > world.taken.version) world.taken = { version, kids: kidsOf(world.ring) }
	if (fate === 'answerLate') world.lateAnswers.push(version)
	if (fate === 'told') commit(world, (ring) => acknowledge(ring, version, world.now))
}

/** What the root answered a while ago, when the ring may have been another. */
export function hear(world: World): void {
	for (const version of world.lateAnswers.splice(0)) commit(world, (ring) => acknowledge(ring, version, world.now))
}

/** The root forgets all, and the ring finds out. */
export function rootLosesItsState(world: World): void {
	world.taken = { version: 0, kids: new Set() }
	world.lateAnswers.length = 0
	commit(world, (ring) => reconcile(ring, 0, world.now))
}

export function choose(world: World, settings: KeySettings): void {
	commit(world, (ring) => adoptSettings(ring, world.settings, settings, world.servedAt))
	world.settings = settings
}

export function copy(world: World): void {
	world.servedAt = world.now
	world.copies.push({ kids: kidsOf(world.ring), until: world.now + maxAgeSeconds(world.settings) * 1000 })
}

/** What a signature of now would name: its key, and of a leaf the roots to which its chain leads. */
export function signer(world: World, purpose: KeyPurpose): Omit<Signed, 'exp'> {
	const key = active(world, purpose)
	if (purpose !== 'x509-intermediate') return { kid: key.kid }
	const roots = chainBelowRoots(world.ring, key).map((certificate) => certificate.split(' by ')[1]!)
	return { kid: key.kid, roots }
}

export function sign(world: World, purpose: KeyPurpose, ttlMs: number): void {
	const exp = world.now + ttlMs
	const signed = signer(world, purpose)
	const above = purpose === 'x509-intermediate' ? active(world, 'x509-root').kid : undefined
	const keys = world.ring.keys.map((key) =>
		key.kid === signed.kid || key.kid === above ? { ...key, signedUntil: Math.max(key.signedUntil ?? 0, exp) } : key,
	)
	world.ring = { ...world.ring, keys }
	world.signed.push({ ...signed, exp })
}
