/** Explanations against the data path: over random rules and requests, what is told is what happens, as often as it is told. */
import { describe, expect, it } from 'vitest'
import type { Explanation, HeaderChanges, Outcome } from '../../../src/explain/explanation.ts'
import type { Exchange } from '../../../src/proxy/exchange.ts'
import { createKnowledge } from '../../../src/proxy/knowledge/knowledge.ts'
import { createRoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import { pipeline } from '../../../src/proxy/pipeline.ts'
import type { ProxyPorts } from '../../../src/proxy/ports.ts'
import type { Refusal } from '../../../src/proxy/refusal.ts'
import { seeded } from '../../random.ts'
import { START } from '../proxy/fakeProxy.ts'
import { DOMAIN, type FakeReplica, fakeReplica } from '../proxy/knowledge/fakeReplica.ts'
import { pipe } from '../proxy/piped.ts'
import { CLIENT, explainOn, stageOf } from './explained.ts'
import { DELAY_MS, MIRROR, randomMesh, randomRequest } from './randomRules.ts'

const SEEDS = [1, 2, 3]
const MESHES = 30
const REQUESTS = 3
/** Of one request, each with other draws. */
const RUNS = 300
/** An outcome with fewer percent may be missed by all of them; one with these is, once in ten million. */
const REACHED_PERCENT = 6

/** Before an attempt. */
const LONGEST_PAUSE_MS = 200

/** What a service answers, for the mesh to edit. */
const OWN_FIELDS = {
	...{ 'x-own': 'own', 'x-h': 'own', 'access-control-allow-origin': '*', vary: 'accept' },
}

interface Run {
	readonly exchange: Exchange
	readonly refusal: Refusal | undefined
	readonly response: Response
	/** What was sent, without copies. */
	readonly sent: readonly Request[]
	readonly mirrored: readonly Request[]
}

/** A warm isolate that draws from `random`. */
function isolate(replica: FakeReplica, random: () => number) {
	const work: Promise<unknown>[] = []
	const scope = { waitUntil: (promise: Promise<unknown>) => void work.push(promise) }
	const state = { isFailing: false, waitedMs: 0, sent: [] as Request[], seen: undefined as unknown }
	const ports: ProxyPorts = {
		now: () => START + state.waitedMs,
		random,
		send: async (request) => {
			state.sent.push(request)
			if (state.isFailing) throw new Error('lost')
			return new Response('ok', { headers: OWN_FIELDS })
		},
		wait: (ms) => {
			// Any other is the time that a client has for its body.
			if (ms % DELAY_MS !== 0 && ms >= LONGEST_PAUSE_MS) return new Promise(() => {})
			state.waitedMs += ms
			return Promise.resolve()
		},
		pipe,
		clientAddress: () => CLIENT,
		clientCertificate: () => undefined,
		delegate: () => Promise.reject(new Error('there is no ring')),
		issuerKeys: () => Promise.reject(new Error('there is no ring')),
		report: (error) => {
			throw error
		},
		observe: (exchange, _, refusal) => {
			state.seen = { exchange, refusal }
		},
	}
	const serve = pipeline(
		createKnowledge(createRoutingTable(DOMAIN, random), replica.controlPlane, START, random),
		ports,
	)
	return async (request: Request, isFailing = false): Promise<Run> => {
		Object.assign(state, { isFailing, waitedMs: 0, sent: [] })
		const response = await serve(request, scope)
		await Promise.all(work.splice(0))
		const [mirrored, sent] = [true, false].map((is) =>
			state.sent.filter(({ url }) => (new URL(url).hostname === MIRROR) === is),
		) as [Request[], Request[]]
		return { ...(state.seen as Pick<Run, 'exchange' | 'refusal'>), response, sent, mirrored }
	}
}

/** What distinguishes one outcome from another. */
async function outcomeOf({ exchange, refusal, response }: Run): Promise<string> {
	const rule = exchange.rule?.name ?? ''
	if (refusal === undefined && exchange.attempts > 0) return `${rule} sent ${exchange.service!.name}`
	if (refusal === undefined) return `${rule} answered ${response.status} ${response.headers.get('location') ?? ''}`
	const detail = exchange.method === 'HEAD' ? '' : ((await response.json()) as { detail: string }).detail
	return `${rule} refused ${refusal.reason} ${response.status} ${detail}`
}

function toldOutcome(outcome: Outcome, method: string): string {
	const { rule = '' } = outcome
	if (outcome.outcome === 'sent') return `${rule} sent ${outcome.service}`
	if (outcome.outcome === 'answered')
		return `${rule} answered ${outcome.answer.status} ${outcome.answer.headers.location ?? ''}`
	if (outcome.outcome === 'passedThrough') throw new Error('nothing is passed through here')
	const { reason, status, detail } = outcome.refusal
	return `${rule} refused ${reason} ${status} ${method === 'HEAD' ? '' : detail}`
}

/** Percent by outcome. */
function toldOdds({ outcomes }: Explanation, method: string): Map<string, number> {
	const odds = new Map<string, number>()
	for (const outcome of outcomes) {
		const name = toldOutcome(outcome, method)
		odds.set(name, (odds.get(name) ?? 0) + outcome.percent)
	}
	return odds
}

const waysOf = (explanation: Explanation) => [explanation, ...(explanation.alternatives ?? [])]

function applied(
	headers: Headers,
	{ headersSet, headersAdded, headersRemoved }: HeaderChanges,
): Record<string, string> {
	const edited = new Headers(headers)
	for (const [name, value] of Object.entries(headersSet)) edited.set(name, value)
	for (const [name, value] of Object.entries(headersAdded)) edited.append(name, value)
	for (const name of headersRemoved) edited.delete(name)
	return Object.fromEntries(edited)
}

/** What is different each time, and what nobody may be told. */
const settled = ({
	traceparent,
	'x-stay': session,
	'selvedge-deadline': deadline,
	...rest
}: Record<string, string>) => ({
	...rest,
	deadline: deadline !== undefined,
	traced: traceparent !== undefined,
	session: session !== undefined,
})
const target = (url: string) => `${new URL(url).pathname}${new URL(url).search}`.replace('s3cret', '***')

/** Whether the request arrived, and its response left, as the explanation of its rule says. */
function compareEdits(explanation: Explanation, { exchange, sent, response }: Run, asked: Request): void {
	const way = waysOf(explanation).find(({ rule }) => rule?.name === exchange.rule!.name)!
	const name = exchange.service!.name
	const told = way.edits!.request.find((edits) => edits.service === name)!
	const [arrived] = sent
	expect(target(arrived!.url)).toBe(target(told.url))
	expect(arrived!.headers.get('x-forwarded-host')).toBe(told.forwardedHost ?? null)
	expect(settled(Object.fromEntries(arrived!.headers))).toEqual(settled(applied(asked.headers, told)))
	const none = { headersSet: {}, headersAdded: {}, headersRemoved: [] }
	const toldResponse = way.edits!.response.find((edits) => edits.service === name) ?? none
	const own = new Headers({ 'content-type': 'text/plain;charset=UTF-8', ...OWN_FIELDS })
	expect(settled(Object.fromEntries(response.headers))).toEqual(settled(applied(own, toldResponse)))
}

function mirrorsTold(explanation: Explanation, { exchange }: Run): boolean {
	const way = waysOf(explanation).find(({ rule }) => rule?.name === exchange.rule!.name)!
	const mirrors = stageOf(way, 'mirrors')?.mirrors ?? []
	return mirrors.some(
		({ backend, percent, url }) =>
			percent > 0 && url !== null && (backend === undefined || backend === exchange.service!.name),
	)
}

const tally = new Map<string, number>()
const count = (what: string) => tally.set(what, (tally.get(what) ?? 0) + 1)

describe.each(SEEDS)('over random rules and requests (seed %i)', (seed) => {
	const random = seeded(seed)
	async function compare(replica: FakeReplica, makeRequest: () => Request): Promise<void> {
		const asked = makeRequest()
		const explanation = await explainOn(replica, makeRequest())
		const told = toldOdds(explanation, asked.method)
		const run = isolate(replica, random)
		const came = new Map<string, number>()
		for (let i = 0; i < RUNS; i++) {
			const done = await run(makeRequest())
			const name = await outcomeOf(done)
			if (!came.has(name) && done.sent.length > 0) compareEdits(explanation, done, asked)
			if (done.mirrored.length > 0) {
				count('mirrored')
				expect(mirrorsTold(explanation, done)).toBe(true)
			}
			came.set(name, (came.get(name) ?? 0) + 100 / RUNS)
		}
		for (const name of came.keys()) expect([...told.keys()]).toContain(name)
		for (const [name, percent] of told) {
			expect(percent, name).toBeGreaterThan(0)
			if (percent >= REACHED_PERCENT) expect(came.get(name), name).toBeDefined()
			// Five standard deviations of a fair coin.
			expect(Math.abs((came.get(name) ?? 0) - percent), name).toBeLessThan((5 * 50) / Math.sqrt(RUNS))
			count(name.split(' ')[1]!)
			if (name.includes('request_timeout')) count('late')
			if (name.includes('access_denied')) count('denied')
			if (name.includes('invalid_token')) count('not believed')
			if (name.includes('-users sent')) count('sent by user')
		}
		expect([...told.values()].reduce((sum, percent) => sum + percent, 0)).toBeCloseTo(100, 2)
		if (told.size > 2) count('divided')
		await compareTries(explanation, await run(makeRequest(), true))
	}

	async function compareTries(explanation: Explanation, { exchange, sent }: Run): Promise<void> {
		if (sent.length === 0) return
		const way = waysOf(explanation).find(({ rule }) => rule?.name === exchange.rule!.name)!
		expect(sent.length).toBe(stageOf(way, 'forward')!.retry?.tries ?? 1)
		count(sent.length > 1 ? 'repeated' : 'sent once')
	}

	it('the rules, backends, answers and refusals are those that the data path comes to, and so are odds and edits', async () => {
		for (let i = 0; i < MESHES; i++) {
			const replica = fakeReplica()
			replica.change(randomMesh(random))
			for (let j = 0; j < REQUESTS; j++) await compare(replica, randomRequest(random))
		}
	})
})

it('everything that can happen did', () => {
	const whats = ['sent', 'answered', 'refused', 'divided', 'mirrored', 'repeated', 'sent once', 'late', 'denied']
	for (const what of [...whats, 'not believed', 'sent by user']) expect(tally.get(what) ?? 0, what).toBeGreaterThan(5)
})
