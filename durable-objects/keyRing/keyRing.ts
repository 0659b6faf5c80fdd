/** The keys of the mesh, one object per mesh: it makes, rotates, publishes and uses them, and keeps what was revoked. */
import { DurableObject } from 'cloudflare:workers'
import { hasStarted } from '../../src/keys/ring.ts'
import { nextDueAt, settingsOf } from '../../src/keys/schedule.ts'
import type {
	CertificateRequest,
	Delegation,
	FetchedInfo,
	FetchedKeys,
	IdentityEvent,
	IssuedCertificate,
	IssuedToken,
	IssueRefusal,
	IssuerSource,
	JoinEvidence,
	JoinRefusal,
	JoinTokenInfo,
	JwtSvidRequest,
	KeyRingInfo,
	KeyRingPort,
	Page,
	Principal,
	Published,
	Revocation,
	RevocationList,
	RevocationTarget,
	RevokeRefusal,
	RotateOutcome,
	RotateRequest,
	ShownOnce,
	WitRequest,
	WorkloadName,
} from '../../src/ports.ts'
import { durationMs } from '../../src/resources/duration.ts'
import type { Mesh } from '../../src/resources/mesh.ts'
import { err, ok, type Result } from '../../src/result.ts'
import type { IssuerKeys, PublicJwk } from '../../src/snapshot/trust.ts'
import { within } from '../within.ts'
import { admitJoin, clearUp, openCounters } from './counters.ts'
import { listEvents, storeEvent } from './events.ts'
import { type FetchedKind, keepFetched, listFetched, readFetched, storeFetched } from './fetched.ts'
import { infoOf } from './info.ts'
import { type Desk, delegate, issueCertificate, issueJwtSvid, issueWit } from './issue.ts'
import { issuerKeys, openInquiry } from './issuers.ts'
import { createJoinToken, deleteJoinToken, findJoinToken, type JoinTokenRequest, listJoinTokens } from './joins.ts'
import { Publisher, type TrustTaker } from './publisher.ts'
import { type MadeLists, revocationLists } from './revocationLists.ts'
import { liftRevocation, listRevocations, storeRevocation } from './revocations.ts'
import { rotateDue, rotateOnDemand, startRing } from './rotation.ts'
import { firstTime } from './seen.ts'
import { RingState } from './state.ts'

export interface KeyRingEnv {
	readonly MESH_DOMAIN: string
	/** Where OIDC discovery finds the keys, without a final `/`; empty: `https://admin.<MESH_DOMAIN>`. */
	readonly ISSUER?: string
	/** Secret: what private keys are sealed under; a comma-separated list while it is rotated. */
	readonly MASTER_KEY?: string
	readonly ENDPOINT_ADDRESSES?: string
	readonly POLICY_STORE: { getByName(name: string): TrustTaker }
}

/** How long an answer waits until the data plane knows, as those of the PolicyStore do. */
const PATIENCE_MS = 500
const SETTINGS_TIMEOUT_MS = 2_000
/** Until a rotation that failed is tried again. */
const PAUSE_MS = 60_000

export class KeyRing extends DurableObject<KeyRingEnv> implements KeyRingPort {
	readonly #sql = this.ctx.storage.sql
	readonly #publisher = new Publisher(() => this.env.POLICY_STORE.getByName('mesh'))
	readonly #counters = openCounters(this.ctx.storage, Date.now())
	readonly #lists: MadeLists = new Map()
	readonly #inquiry = openInquiry(this.ctx, (name, fetched) => this.putFetchedKeys(name, 'userIssuer', fetched))
	#held: RingState | undefined
	#turn: Promise<unknown> = Promise.resolve()
	#pausedUntil = 0

	async issueWit(request: WitRequest): Promise<Result<IssuedToken, JoinRefusal>> {
		const started = await this.#started()
		return started.ok ? issueWit(this.#desk, request) : started
	}

	async issueJwtSvid(request: JwtSvidRequest): Promise<Result<IssuedToken, JoinRefusal>> {
		const started = await this.#started()
		return started.ok ? issueJwtSvid(this.#desk, request) : started
	}

	async issueCertificate(request: CertificateRequest): Promise<Result<IssuedCertificate, IssueRefusal>> {
		const started = await this.#started()
		return started.ok ? issueCertificate(this.#desk, request) : started
	}

	async delegate(_isolate: string, region: string, jwk: PublicJwk): Promise<Result<Delegation, IssueRefusal>> {
		const started = await this.#started()
		return started.ok ? delegate(this.#desk, region, jwk) : started
	}

	async createJoinToken(request: JoinTokenRequest, actor: Principal): Promise<JoinTokenInfo> {
		return createJoinToken(this.#sql, request, actor, Date.now())
	}

	async listJoinTokens(): Promise<readonly JoinTokenInfo[]> {
		return listJoinTokens(this.#sql)
	}

	async deleteJoinToken(id: string, actor: Principal): Promise<boolean> {
		return deleteJoinToken(this.#sql, id, actor, Date.now())
	}

	async findJoinToken(hash: string): Promise<{ readonly workload: WorkloadName; readonly trust: string } | null> {
		return findJoinToken(this.#sql, hash, Date.now())
	}

	async once(subject: string, shown: ShownOnce): Promise<'first' | 'again' | 'full'> {
		return firstTime(this.#sql, this.#counters.seen, subject, shown, Date.now())
	}

	async admitJoin(clientAddress: string): Promise<{ readonly retryAfterSeconds: number } | null> {
		return admitJoin(this.#counters, clientAddress, Date.now())
	}

	async refused({ method, subject, clientAddress }: Omit<JoinEvidence, 'trust'>, why: string): Promise<void> {
		const detail = { method, subject, clientAddress, why }
		storeEvent(this.#sql, { action: 'join.refuse', actor: subject, detail, refused: true }, Date.now())
	}

	async info(): Promise<KeyRingInfo> {
		await this.#started()
		return infoOf(this.#state, this.#counters, Date.now())
	}

	async rotate(request: RotateRequest, actor: Principal): Promise<Result<readonly RotateOutcome[], IssueRefusal>> {
		await this.#readSettings()
		const started = await this.#started()
		if (!started.ok) return started
		const outcome = await this.#inTurn(() => rotateOnDemand(this.#state, this.#sql, request, actor))
		await this.#propagate()
		return outcome
	}

	async tick(): Promise<KeyRingInfo> {
		await this.#readSettings()
		await this.#started()
		await this.#publisher.compare(this.#state)
		await this.#rotateDue()
		clearUp(this.#counters, Date.now())
		await this.#propagate()
		return infoOf(this.#state, this.#counters, Date.now())
	}

	revoke(target: RevocationTarget, reason: string, actor: Principal): Promise<Result<Revocation, RevokeRefusal>> {
		return this.#change((now) => storeRevocation(this.#sql, target, reason, actor, now))
	}

	lift(id: string, actor: Principal): Promise<boolean> {
		return this.#change((now) => liftRevocation(this.#sql, id, actor, now))
	}

	async listRevocations(options: { limit: number; after?: string }): Promise<Page<Revocation>> {
		return listRevocations(this.#sql, options.limit, options.after)
	}

	async events(options: { limit: number; after?: string }): Promise<Page<IdentityEvent>> {
		return listEvents(this.#sql, options.limit, options.after)
	}

	async published(): Promise<Published> {
		await this.#started()
		return this.#state.serve(Date.now())
	}

	async revocationLists(known: Readonly<Record<string, number>>): Promise<readonly RevocationList[]> {
		await this.#started()
		return revocationLists(this.#state, this.#sql, this.#lists, known)
	}

	async fetchedKeys(name: string): Promise<FetchedKeys | null> {
		return readFetched(this.#sql, name)
	}

	async listFetchedKeys(): Promise<readonly FetchedInfo[]> {
		return listFetched(this.#sql)
	}

	putFetchedKeys(name: string, kind: FetchedKind, fetched: FetchedKeys): Promise<void> {
		return this.#change(() => storeFetched(this.#sql, name, kind, fetched))
	}

	keepFetchedKeys(names: readonly string[]): Promise<void> {
		return this.#change(() => keepFetched(this.#sql, names))
	}

	async issuerKeys(source: IssuerSource, kid: string | undefined): Promise<IssuerKeys | null> {
		return issuerKeys(this.#inquiry, this.env, source, kid)
	}

	override async alarm(): Promise<void> {
		try {
			const { ring, settings } = this.#state
			if (nextDueAt(ring, settings) <= Date.now()) await this.#rotateDue()
			await this.#publisher.publish(this.#state)
			await this.#arm()
		} catch (error) {
			// An alarm that throws is dropped after six retries; one that is set again is not.
			console.error(JSON.stringify({ event: 'key_rotation_failed', error: String(error) }))
			await this.ctx.storage.setAlarm(Date.now() + PAUSE_MS)
		}
	}

	/** Made when it is first used: keys are sealed under secrets that only the environment knows. */
	get #state(): RingState {
		const { MESH_DOMAIN, ISSUER, MASTER_KEY } = this.env
		const issuer = (ISSUER || `https://admin.${MESH_DOMAIN}`).replace(/\/$/, '')
		this.#held ??= new RingState(this.ctx.storage, { trustDomain: MESH_DOMAIN, issuer, masterKey: MASTER_KEY })
		return this.#held
	}

	get #desk(): Desk {
		return { ...this.#counters, state: this.#state, sql: this.#sql }
	}

	/** The first call of anything makes the first keys. */
	async #started(): Promise<Result<void, IssueRefusal>> {
		if (hasStarted(this.#state.ring)) return ok(undefined)
		await this.#readSettings()
		const done = await this.#inTurn(() => startRing(this.#state))
		if (!done.ok) return err({ reason: 'sealed', detail: done.error })
		await this.#propagate()
		return ok(undefined)
	}

	/** Without an answer, what was heard last goes on to hold. */
	async #readSettings(): Promise<void> {
		try {
			const root = this.env.POLICY_STORE.getByName('mesh')
			const stored = await within(SETTINGS_TIMEOUT_MS, root.get('Mesh', '-', 'default'))
			const { rotationInterval = '', publicationLead = '' } = (stored?.resource as Mesh | undefined)?.spec.keys ?? {}
			const asked = { rotationIntervalMs: durationMs(rotationInterval), publicationLeadMs: durationMs(publicationLead) }
			this.#state.adopt(settingsOf(asked), Date.now())
		} catch (error) {
			console.warn(JSON.stringify({ event: 'key_settings_unknown', error: String(error) }))
		}
	}

	async #rotateDue(): Promise<void> {
		const isDone = await this.#inTurn(() => rotateDue(this.#state, this.#sql))
		this.#pausedUntil = isDone ? 0 : Date.now() + PAUSE_MS
	}

	/** Pairs and certificates take time to make; what they are made for must not change meanwhile. */
	#inTurn<T>(work: () => Promise<T>): Promise<T> {
		const mine = this.#turn.then(work)
		this.#turn = mine.catch(() => {})
		return mine
	}

	/** One transaction for what is stored and for the version of what is published that follows from it. */
	async #change<T>(work: (now: number) => T): Promise<T> {
		const now = Date.now()
		let result: T | undefined
		this.#state.commit(now, (ring) => ring, {
			also: () => {
				result = work(now)
			},
		})
		await this.#propagate()
		return result as T
	}

	/** The alarm is set before the root is told: if this process dies meanwhile, it tells it. */
	async #propagate(): Promise<void> {
		await this.#arm()
		const told = this.#publisher.publish(this.#state).then(() => this.#arm())
		this.ctx.waitUntil(told)
		await within(PATIENCE_MS, told).catch(() => {})
	}

	async #arm(): Promise<void> {
		const now = Date.now()
		const { ring, settings } = this.#state
		const due = Math.max(nextDueAt(ring, settings), this.#pausedUntil, now)
		const at = Math.min(due, this.#publisher.retryAt(this.#state, now))
		if (at !== Infinity) await this.ctx.storage.setAlarm(at)
	}
}
