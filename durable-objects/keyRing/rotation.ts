/** Rotations carried out: what is due by schedule, and what somebody asks for. One at a time; each is one transaction. */
import { activeKey, hasStarted, PURPOSES, pendingKey } from '../../src/keys/ring.ts'
import { dueRotations, expectedTakeOverAt, heldUp, removableAt } from '../../src/keys/schedule.ts'
import { removeExpired, request, revoke, revokeRoot, rotate, start } from '../../src/keys/transitions.ts'
import type { IssueRefusal, KeyPurpose, Principal, RotateOutcome, RotateRequest } from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { storeEvent } from './events.ts'
import { storeFailure } from './keys.ts'
import { makeFirst, makeNext, makeSubstitute, type Workshop } from './material.ts'
import type { RingState } from './state.ts'

/** Of one purpose. Whoever rotates on and on makes documents grow that everybody reads. */
const MAX_RETIRED = 16

const workshop = ({ vault, context }: RingState): Workshop => ({
	vault,
	names: context,
	now: Date.now(),
})

/** The first keys, if there are none. The error says why there can be none. */
export async function startRing(state: RingState): Promise<Result<void, string>> {
	if (hasStarted(state.ring)) return ok(undefined)
	const shop = workshop(state)
	const made = await makeFirst(shop)
	if (!made.ok) return made
	const { materials, sealed } = made.value
	state.commit(shop.now, (ring) => start(ring, materials, shop.now), { sealed })
	return ok(undefined)
}

/** Reseals, activates and removes what is due. Whether all that is overdue could be done; what could not is counted. */
export async function rotateDue(state: RingState, sql: SqlStorage, actor?: string): Promise<boolean> {
	if (!hasStarted(state.ring)) return true
	const now = Date.now()
	const resealed = await state.vault.reseal()
	const failures = new Map(resealed.ok ? [] : PURPOSES.map((purpose) => [purpose, resealed.error]))
	for (const purpose of dueRotations(state.ring, state.settings, now)) {
		const done = await rotateOne(state, purpose, actor)
		if (!done.ok) failures.set(purpose, done.error)
	}
	for (const purpose of heldUp(state.ring, state.settings, now))
		failures.set(purpose, 'its standby is not published yet: the PolicyStore has not taken it over')
	for (const purpose of PURPOSES) storeFailure(sql, purpose, failures.get(purpose))
	state.commit(now, (ring) => removeExpired(ring, now))
	return failures.size === 0
}

async function rotateOne(state: RingState, purpose: KeyPurpose, actor?: string): Promise<Result<void, string>> {
	const shop = workshop(state)
	const made = await makeNext(shop, state.ring, purpose)
	if (!made.ok) return made
	const { materials, sealed } = made.value
	state.commit(shop.now, (ring) => rotate(ring, purpose, materials, shop.now), { sealed, ...(actor && { actor }) })
	return ok(undefined)
}

/** As soon as the standby has been published for long enough; at once, if the active key is compromised. */
export async function rotateOnDemand(
	state: RingState,
	sql: SqlStorage,
	{ purpose, compromised = false }: RotateRequest,
	{ name: actor }: Principal,
): Promise<Result<readonly RotateOutcome[], IssueRefusal>> {
	const purposes = purpose === undefined ? PURPOSES : [purpose]
	const detail = { purpose: purpose ?? 'all', compromised: String(compromised) }
	storeEvent(sql, { action: 'key.rotate', actor, detail }, Date.now())
	if (compromised) return substitute(state, purposes, actor)
	const full = purposes.map((each) => waitForRoom(state, each)).find((ms) => ms > 0)
	if (full !== undefined) return err({ reason: 'too_many', retryAfterSeconds: Math.ceil(full / 1000) })
	const before = purposes.map((each) => activeKey(state.ring, each)!.kid)
	state.commit(Date.now(), (ring) => request(ring, purposes))
	await rotateDue(state, sql, actor)
	return ok(purposes.map((each, i) => outcomeOf(state, each, before[i]!)))
}

function waitForRoom({ ring }: RingState, purpose: KeyPurpose): number {
	const retired = ring.keys.filter((key) => key.purpose === purpose && key.state === 'retired')
	if (retired.length < MAX_RETIRED) return 0
	return Math.max(1, Math.min(...retired.map(removableAt)) - Date.now())
}

function outcomeOf({ ring, settings }: RingState, purpose: KeyPurpose, before: string): RotateOutcome {
	const active = activeKey(ring, purpose)!
	if (active.kid !== before) return { purpose, kid: active.kid, activeAt: new Date(active.activatedAt!).toISOString() }
	const at = expectedTakeOverAt(ring, purpose, settings, Date.now())
	return { purpose, kid: pendingKey(ring, purpose)!.kid, activeAt: new Date(at).toISOString() }
}

/** A root takes its intermediate with it. */
async function substitute(
	state: RingState,
	purposes: readonly KeyPurpose[],
	actor: string,
): Promise<Result<readonly RotateOutcome[], IssueRefusal>> {
	const affected = new Set(purposes)
	if (affected.has('x509-root')) affected.add('x509-intermediate')
	for (const purpose of affected) {
		if (purpose === 'x509-intermediate' && affected.has('x509-root')) continue
		const done =
			purpose === 'x509-root' ? await substituteRoot(state, actor) : await substituteOne(state, purpose, actor)
		if (!done.ok) return err({ reason: 'sealed', detail: done.error })
	}
	// Nobody's standby is what it was before: the outcome is of now.
	return ok([...affected].map((purpose) => outcomeOf(state, purpose, '')))
}

async function substituteOne(state: RingState, purpose: KeyPurpose, actor: string): Promise<Result<void, string>> {
	const shop = workshop(state)
	const made = await makeSubstitute(shop, state.ring, purpose)
	if (!made.ok) return made
	const { materials, sealed } = made.value
	state.commit(shop.now, (ring) => revoke(ring, purpose, materials, shop.now), { sealed, actor })
	return ok(undefined)
}

async function substituteRoot(state: RingState, actor: string): Promise<Result<void, string>> {
	const shop = workshop(state)
	const root = await makeSubstitute(shop, state.ring, 'x509-root')
	if (!root.ok) return root
	const intermediate = await makeSubstitute(shop, state.ring, 'x509-intermediate', root.value.root)
	if (!intermediate.ok) return intermediate
	const materials = { root: root.value.materials, intermediate: intermediate.value.materials }
	const sealed = new Map([...root.value.sealed, ...intermediate.value.sealed])
	state.commit(shop.now, (ring) => revokeRoot(ring, materials, shop.now), { sealed, actor })
	return ok(undefined)
}
