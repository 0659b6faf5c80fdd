/** Thousands of random events against a model too simple to be wrong. A failure names its seed. */
import { describe, expect, it } from 'vitest'
import type { LeaseRequest } from '../../../src/ports.ts'
import {
	type Change,
	commit,
	deregister,
	drain,
	expire,
	heartbeat,
	nextDeadline,
	type Roster,
	register,
	resume,
	trafficEndpoints,
} from '../../../src/registry/roster.ts'
import { seeded } from '../../random.ts'

const SEEDS = Number(process.env.SEEDS ?? 20)
const EVENTS = 1_000

interface Entry {
	url: string
	weight: number
	ttlMs: number
	draining: boolean
	joinedAt: number
	endsAt: number
	graced: boolean
}

/** The rules in the plainest words: a table, and a filter over all of it for every question. */
class Model {
	entries = new Map<string, Entry>()
	alive(id: string, now: number) {
		const entry = this.entries.get(id)
		return entry && entry.endsAt > now ? entry : undefined
	}
	traffic(now: number) {
		return [...this.entries]
			.filter(([, entry]) => entry.endsAt > now && !entry.draining)
			.map(([id, { url, weight, joinedAt }]) => ({ id, url, weight, joinedAt }))
			.sort((a, b) => (a.id < b.id ? -1 : 1))
	}
	expire(now: number) {
		for (const [id, entry] of this.entries) if (entry.endsAt <= now) this.entries.delete(id)
	}
	resume(now: number) {
		if (![...this.entries.values()].some((entry) => entry.endsAt < now - 1_000)) return
		for (const entry of this.entries.values()) {
			if (!entry.graced) Object.assign(entry, { graced: true, endsAt: now + entry.ttlMs })
		}
	}
}

/** One service, its model, and the root's copy, which hears of the traffic set only when the version grows. */
class World {
	now = Date.UTC(2030, 0, 1)
	roster: Roster = { version: 0, leases: new Map() }
	model = new Model()
	told = JSON.stringify([])

	take(change: Change) {
		const before = JSON.stringify(this.stored())
		const version = this.roster.version
		this.roster = commit(new Map(this.roster.leases), change)
		const differs = before !== JSON.stringify(this.stored())
		expect(this.roster.version - version, 'the version grows by one iff the traffic set differs').toBe(differs ? 1 : 0)
		if (differs) this.told = JSON.stringify(trafficEndpoints(this.roster, this.now))
	}

	/** The traffic set as of the last event, whatever the time is now. */
	stored() {
		return trafficEndpoints(this.roster, Number.NEGATIVE_INFINITY)
	}

	check() {
		const traffic = trafficEndpoints(this.roster, this.now)
		expect(traffic, 'traffic goes exactly where the model says').toEqual(this.model.traffic(this.now))
		expect(this.told, 'the root knows it').toBe(JSON.stringify(traffic))
		const ends = [...this.model.entries.values()].map((entry) => entry.endsAt)
		expect(nextDeadline(this.roster), 'the deadline is the earliest end').toBe(
			ends.length ? Math.min(...ends) : undefined,
		)
	}
}

function someRequest(random: () => number, id: string): LeaseRequest {
	const url = `http://10.0.0.${Math.floor(random() * 2)}`
	return { id, url, weight: Math.floor(random() * 2), labels: {}, ttlSeconds: 5 + Math.floor(random() * 3) }
}

function happen(world: World, random: () => number) {
	const { model, now } = world
	const id = `e${Math.floor(random() * 6)}`
	const alive = model.alive(id, now)
	const kind = random()
	if (kind < 0.35) {
		const request = someRequest(random, id)
		const step = register(world.roster, request, now)
		expect(step.reply).toMatchObject({ ok: true, value: { created: !alive } })
		const { url, weight, ttlSeconds } = request
		const ttlMs = ttlSeconds * 1000
		const joinedAt = alive?.joinedAt ?? now
		model.entries.set(id, { url, weight, ttlMs, draining: false, joinedAt, endsAt: now + ttlMs, graced: false })
		return world.take(step.change)
	}
	const event = kind < 0.7 ? heartbeat : kind < 0.85 ? drain : deregister
	const step = event(world.roster, id, now)
	expect(step.reply.ok).toBe(alive !== undefined)
	if (alive && event === heartbeat) Object.assign(alive, { endsAt: now + alive.ttlMs, graced: false })
	if (alive && event === drain) alive.draining = true
	if (alive && event === deregister) model.entries.delete(id)
	world.take(step.change)
}

describe('a service’s leases', () => {
	it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))('hold under random events, seed %i', (seed) => {
		const random = seeded(seed)
		const world = new World()
		for (let i = 0; i < EVENTS; i++) {
			// Mostly small steps; now and then the registry is away for up to half a minute.
			world.now += Math.floor(random() < 0.02 ? random() * 30_000 : random() * 1_500)
			world.model.resume(world.now)
			world.take(resume(world.roster, world.now))
			world.model.expire(world.now)
			world.take(expire(world.roster, world.now))
			world.check()
			happen(world, random)
			world.check()
		}
	})
})
