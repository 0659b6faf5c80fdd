/** Whoever guards a path guards it however it is spelled: a corpus, byte for byte, through the real mesh to a server that says what it got. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { CONFUSED } from './confusedPaths.ts'
import { service } from './documents.ts'
import { HONEST } from './honestPaths.ts'
import { mayBeProtected } from './lenientReader.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { askAllRaw, askRaw, type RawAnswer } from './rawRequests.ts'
import { extension, prefix, ruled, to } from './rules.ts'

let mesh: Mesh
let backend: Backend

const onService = (name: string) => [{ group: 'selvedge.dev', kind: 'Service', name }]
const onRule = (name: string) => [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name, sectionName: 'all' }]
const policy = (name: string, targetRefs: object[], action: string, operation?: object) =>
	extension('AuthorizationPolicy', name, {
		...{ targetRefs, action },
		rules: [operation === undefined ? {} : { to: [{ operation }] }],
	})

const ADMIN = ['/admin', '/admin*', '/api/private*']
const PUBLIC = ['/public*']
/** By the host and Service that they guard. */
const GUARDS: readonly (readonly [name: string, what: string, documents: () => object[]])[] = [
	['denying', 'DENY paths', () => [policy('denying', onService('denying'), 'DENY', { paths: ADMIN })]],
	['allowing', 'ALLOW paths', () => [policy('allowing', onService('allowing'), 'ALLOW', { paths: PUBLIC })]],
	['sparing', 'ALLOW notPaths', () => [policy('sparing', onService('sparing'), 'ALLOW', { notPaths: ADMIN })]],
	['excepting', 'DENY notPaths', () => [policy('excepting', onService('excepting'), 'DENY', { notPaths: PUBLIC })]],
	[
		'templated',
		'DENY templates',
		() => [
			policy('templated', onService('templated'), 'DENY', {
				paths: ['/admin', '/admin/{**}', '/api/private', '/{*}/private/{**}'],
			}),
		],
	],
	[
		'of-rule',
		'ALLOW paths on the one rule of a route',
		() => [policy('of-rule', onRule('of-rule'), 'ALLOW', { paths: PUBLIC })],
	],
	[
		'rewriting',
		'DENY paths behind a rewrite',
		() => [policy('rewriting', onService('rewriting'), 'DENY', { paths: ADMIN })],
	],
]
const rewrite = {
	type: 'URLRewrite',
	urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/admin' } },
}
/** The route of a host: one rule for everything, but where the rule is what is looked at. */
function routed(name: string): object[] {
	const [own, route] = ruled(name, name === 'of-rule' ? { ...prefix('/public'), ...to(name) } : to(name)) as [
		object,
		{ spec: { rules: object[] } },
	]
	if (name === 'rewriting') route.spec.rules.unshift({ name: 'x', ...prefix('/x'), ...to(name), filters: [rewrite] })
	return [own, route]
}

beforeAll(async () => {
	backend = await startBackend(echo)
	mesh = await startMesh({ regions: ['weur'] })
	const names = [...GUARDS.map(([name]) => name), 'open']
	await mesh.apply(
		...names.map((name) => service(name, backend.url)),
		...names.flatMap(routed),
		...GUARDS.flatMap(([, , documents]) => documents()),
	)
	for (const name of names)
		await eventually(
			() => ask(name, '/public'),
			({ status }) => status === 200,
		)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

const ask = (name: string, target: string): Promise<RawAnswer> =>
	askRaw(mesh.port('weur'), `${name}.test`, target.replaceAll('{host}', `${name}.test`))
const urlOf = ({ body }: RawAnswer): string => (JSON.parse(body) as Echoed).url

it(`the corpus has ${CONFUSED.length} spellings, most of which somebody reads as a protected path`, () => {
	expect(CONFUSED.length).toBeGreaterThanOrEqual(200)
	expect(CONFUSED.filter((target) => mayBeProtected(target.replaceAll('{host}', 'h'))).length).toBeGreaterThan(200)
	expect(HONEST.length).toBeGreaterThanOrEqual(50)
	expect(HONEST.filter(mayBeProtected)).toEqual([])
})

describe.each(GUARDS)('%s: %s', (name) => {
	it('lets nobody through to what may be a protected path', async () => {
		const answers = await askAllRaw(CONFUSED, (target) => ask(name, target))
		const admitted = answers.flatMap((answer, i) =>
			answer.status === 200 ? { sent: CONFUSED[i]!, got: urlOf(answer) } : [],
		)
		expect(admitted.filter(({ got }) => mayBeProtected(got))).toEqual([])
		expect(answers.filter(({ status }) => status === 400).length).toBeGreaterThan(50)
		expect(answers.filter(({ status }) => status === 403).length).toBeGreaterThan(name === 'of-rule' ? -1 : 10)
		expect(answers.filter(({ status }) => status >= 500)).toEqual([])
	})

	it('lets everybody through who is honest', async () => {
		const answers = await askAllRaw(HONEST, (target) => ask(name, target))
		expect(
			answers.flatMap(({ status, body }, i) => (status === 200 ? [] : [{ sent: HONEST[i], status, body }])),
		).toEqual([])
	})
})

it('without policies everything passes as it was sent, but for what the URL parser resolves', async () => {
	const targets = [...CONFUSED, ...HONEST]
	const answers = await askAllRaw(targets, (target) => ask('open', target))
	const wrong = answers.flatMap((answer, i) => {
		const sent = targets[i]!.replaceAll('{host}', 'open.test')
		return answer.status === 200 && urlOf(answer) !== parsed(sent)
			? [{ sent, got: urlOf(answer), parsed: parsed(sent) }]
			: []
	})
	expect(wrong).toEqual([])
	const refused = targets.filter((_, i) => answers[i]!.status !== 200)
	expect(refused.length).toBeLessThan(50)
	expect(refused.filter((target) => TARGET.test(target))).toEqual([])
})

/** A request target, that is origin-form or absolute-form (RFC 9112 §3.2), of bytes that may be UTF-8. Servers refuse all others. */
const TARGET = /^(?:\/|https?:\/\/[^/\\]+(?:\/|$))[\x21-\x7e\x80-\xfe]*$/i

/** By the WHATWG parser, as text in UTF-8. */
function parsed(target: string): string {
	const text = Buffer.from(target, 'latin1').toString('utf8')
	const { href, origin } = new URL(/^https?:/i.test(text) ? text : `http://open.test${text}`)
	return href.slice(href.indexOf('/', origin.length)).split('#', 1)[0]!
}
