/** Random lives of a key ring: whatever is asked, whatever fails, and whenever it is looked after, nobody is refused without cause. */
import { describe, expect, it } from 'vitest'
import { isLive, PURPOSES, type RingKey } from '../../../src/keys/ring.ts'
import { nextDueAt, settingsOf, takeOverAt } from '../../../src/keys/schedule.ts'
import type { KeyPurpose } from '../../../src/ports/keyRing.ts'
import { seeded } from '../../random.ts'
import {
	ask,
	choose,
	compromise,
	copy,
	hear,
	kidsOf,
	publish,
	rootLosesItsState,
	sign,
	signer,
	startWorld,
	tick,
	type World,
} from './keyWorld.ts'

const SEED = 20_261_123
const LIVES = 200
const EVENTS = 200
const SECOND = 1_000
const HOUR = 3_600 * SECOND
const DAY = 24 * HOUR

/** Purposes that sign for workloads. */
const SIGNING: readonly KeyPurpose[] = ['wit-svid', 'jwt-svid', 'delegation', 'x509-intermediate']

/** Cheaper than an expectation, of which there would be millions. */
function ensure(condition: boolean, sentence: () => string): void {
	if (!condition) throw new Error(sentence())
}

function checkRing(world: World, revoked: ReadonlySet<string>): void {
	const { keys, version, publishedVersion } = world.ring
	for (const purpose of PURPOSES)
		for (const state of ['active', 'pending']) {
			const count = keys.filter((key) => key.purpose === purpose && key.state === state).length
			ensure(count === 1, () => `${purpose} has ${count} keys that are ${state}`)
		}
	for (const { kid, state } of keys) ensure(!revoked.has(kid) || state === 'revoked', () => `${kid} is ${state} again`)
	ensure(publishedVersion <= version, () => `version ${publishedVersion} was taken over of ${version}`)
}

/** A leaf of now is believed by whoever knows any one root, however old, that is not gone yet. */
function checkChain(world: World): void {
	const { roots = [] } = signer(world, 'x509-intermediate')
	for (const { kid, purpose, state } of world.ring.keys)
		if (purpose === 'x509-root' && (state === 'active' || state === 'retired'))
			ensure(roots.includes(kid), () => `${kid} is above no leaf of now`)
}

/** What has not expired and is not revoked is verified by who asks for the keys now. */
function checkSigned(world: World, revoked: ReadonlySet<string>): void {
	world.signed = world.signed.filter(({ kid, exp }) => exp > world.now && !revoked.has(kid))
	const known = kidsOf(world.ring)
	for (const { kid, roots } of world.signed) {
		ensure(known.has(kid), () => `${kid} is gone before what it signed`)
		const isBelow = roots?.some((root) => known.has(root) || revoked.has(root)) ?? true
		ensure(isBelow, () => `${roots} are gone before a leaf below them`)
	}
}

/** What is signed now is verified by whoever holds a copy that is still fresh: younger than its max-age (RFC 9111 §4.2). */
function checkCopies(world: World, purpose: KeyPurpose): void {
	world.copies = world.copies.filter(({ until }) => until > world.now)
	const { kid, roots } = signer(world, purpose)
	for (const { kids } of world.copies) {
		ensure(kids.has(kid) || world.sudden.has(kid), () => `${kid} signs, and a copy lacks it`)
		const isBelow = roots?.some((root) => kids.has(root) || world.sudden.has(root)) ?? true
		ensure(isBelow, () => `${roots} are above a leaf, and a copy lacks them`)
	}
}

function checkTakeOver(world: World, { kid, publishedAt = Infinity }: RingKey): void {
	const since = world.now - publishedAt
	ensure(since >= world.settings.publicationLeadMs, () => `${kid} takes over ${since} ms after its publication`)
	// A root that has just lost its state is told again at once; else it has the key.
	ensure(world.taken.version === 0 || world.taken.kids.has(kid), () => `${kid} takes over, and the root lacks it`)
}

function live(seed: number): { rotations: number; refusals: number } {
	const random = seeded(seed)
	const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!
	const settings = () =>
		settingsOf({
			rotationIntervalMs: pick([60 * SECOND, HOUR, DAY, 7 * DAY]),
			publicationLeadMs: pick([SECOND, 30 * SECOND, HOUR, DAY]),
		})
	const world = startWorld(settings())
	const revoked = new Set<string>()
	let rotations = 0
	let unreachableUntil = 0
	for (let event = 0; event < EVENTS; event++) {
		const due = nextDueAt(world.ring, world.settings)
		if (random() < 0.3 && due !== Infinity) world.now = Math.max(world.now, due + pick([0, 0, 1]))
		else world.now += Math.floor(random() ** 4 * pick([SECOND, HOUR, DAY, 40 * DAY]))
		const { version } = world.ring
		const what = random()
		if (what < 0.3)
			tick(world, (key) => {
				rotations++
				checkTakeOver(world, key)
			})
		else if (what < 0.4) ask(world, pick(PURPOSES))
		else if (what < 0.43) for (const kid of compromise(world, pick(PURPOSES), random() < 0.2)) revoked.add(kid)
		else if (what < 0.45) unreachableUntil = world.now + Math.floor(random() * 3 * DAY)
		else if (what < 0.47) choose(world, settings())
		else if (what < 0.48) rootLosesItsState(world)
		else if (what < 0.7) copy(world)
		else sign(world, pick(SIGNING), Math.ceil(random() * DAY))
		// A crash between a change and its publication leaves what was stored.
		if (random() < 0.1) world.ring = JSON.parse(JSON.stringify(world.ring)) as World['ring']
		else
			publish(world, world.now < unreachableUntil ? pick(['lost', 'answerLost']) : pick(['told', 'told', 'answerLate']))
		if (random() < 0.2) hear(world)
		ensure(world.ring.version >= version, () => 'the version went back')
		checkRing(world, revoked)
		checkChain(world)
		checkSigned(world, revoked)
		for (const purpose of SIGNING) checkCopies(world, purpose)
	}
	return { rotations, refusals: revoked.size }
}

describe('a ring of keys', () => {
	it(`keeps its promises in ${LIVES} random lives of ${EVENTS} events (seed ${SEED})`, () => {
		let rotations = 0
		let refusals = 0
		for (let life = 0; life < LIVES; life++) {
			try {
				const lived = live(SEED + life)
				rotations += lived.rotations
				refusals += lived.refusals
			} catch (error) {
				throw new Error(`seed ${SEED + life}: ${(error as Error).message}`, { cause: error })
			}
		}
		expect(rotations, 'the lives were eventful').toBeGreaterThan(LIVES * 10)
		expect(refusals).toBeGreaterThan(LIVES)
	})

	it('that nothing disturbs rotates on time, each key once', () => {
		const world = startWorld(settingsOf({ rotationIntervalMs: HOUR, publicationLeadMs: 60 * SECOND }))
		publish(world, 'told')
		const began = world.now
		const times: number[] = []
		for (let i = 0; i < 200; i++) {
			world.now = nextDueAt(world.ring, world.settings)
			tick(world, ({ purpose }) => purpose === 'wit-svid' && times.push((world.now - began) / HOUR))
			publish(world, 'told')
		}
		expect(times.length).toBeGreaterThan(50)
		expect(times).toEqual(times.map((_, i) => i + 1))
		expect(world.ring.keys.filter(isLive).length).toBeLessThanOrEqual(15)
	})

	it('rotates roots after a year, intermediates after 30 days, whatever holds for other keys', () => {
		const settings = settingsOf({ rotationIntervalMs: 60 * SECOND, publicationLeadMs: SECOND })
		const world = startWorld(settings)
		publish(world, 'told')
		const days = (purpose: KeyPurpose) => (takeOverAt(world.ring, purpose, settings)! - world.now) / DAY
		expect([days('x509-root'), days('x509-intermediate'), days('jwt-svid') * DAY]).toEqual([365, 30, 60 * SECOND])
	})
})
