/** What is open to those who are limited to namespaces: every row says it, and a row that does not is closed to them. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Explanation } from '../../../src/explain/explanation.ts'
import { ownsKey, ownsName, ownsPart } from '../../../src/namespaces.ts'
import type { CatalogEntry, Principal } from '../../../src/ports.ts'
import { tokenExposition } from '../../../src/telemetry/tokenExposition.ts'
import { catalog, catalogPage } from '../../../workers/admin/api/catalog.ts'
import { ownExplanation } from '../../../workers/admin/api/ownExplanation.ts'
import { routes } from '../../../workers/admin/routes.ts'
import { refusedByScope } from '../../../workers/admin/scope.ts'
import { hashOf } from '../../../workers/admin/tokens.ts'
import { sourceFiles } from '../../sourceFiles.ts'
import { asker, createWorld, meshOf, settle, type World } from './fakeMesh.ts'

const OF_A: Principal = { token: 't', name: 'of-alfa', role: 'operator', namespaces: ['alfa'] }
let world: World
beforeEach(async () => {
	world = await createWorld()
})

describe('every row of the table', () => {
	it.each(routes)('$method $path says whose business it is', ({ scope }) => {
		expect(['namespace', 'own', 'shared', 'mesh']).toContain(scope)
	})

	it('has the scope namespace if, and only if, its path names one', () => {
		for (const { path, scope } of routes)
			expect([path, scope === 'namespace']).toEqual([path, path.includes('{namespace}')])
	})

	it('that says nothing is closed to who is limited, and open to who is not', () => {
		expect(refusedByScope(undefined, { namespace: 'alfa' }, OF_A)?.status).toBe(403)
		const { namespaces: _, ...everybody } = OF_A
		expect(refusedByScope(undefined, {}, everybody)).toBeUndefined()
	})

	it.each([
		['namespace', { namespace: 'alfa' }, undefined],
		['namespace', { namespace: 'bravo' }, 403],
		['namespace', { namespace: '-' }, 403],
		['namespace', {}, 403],
		['mesh', { namespace: 'alfa' }, 403],
		['own', {}, undefined],
		['shared', {}, undefined],
	] as const)('with scope %s and %j answers who is limited to alfa with %s', (scope, params, status) => {
		expect(refusedByScope(scope, params, OF_A)?.status).toBe(status)
	})
})

describe('names', () => {
	it.each([
		[ownsName, 'alfa/x', true],
		[ownsName, 'alfa/x/rule', true],
		[ownsName, 'alfab/x', false],
		[ownsName, 'bravo/alfa', false],
		[ownsName, 'alfa', false],
		[ownsName, '', false],
		[ownsKey, 'Service/alfa/x', true],
		[ownsKey, 'alfa/bravo/x', false],
		[ownsKey, 'Namespace/-/alfa', false],
		[ownsPart, 'service/alfa/x', true],
		[ownsPart, 'service/bravo/alfa', false],
		[ownsPart, 'namespace/alfa', true],
		[ownsPart, 'namespace/bravo', false],
		[ownsPart, 'virtualHost/alfa.test/bravo/alfa', false],
		[ownsPart, 'virtualHost/b.test/alfa/r', true],
		[ownsPart, 'mesh', false],
		[ownsPart, 'trust', false],
	] as const)('%o of %s: %s', (owns, name, own) => {
		expect(owns(OF_A, name)).toBe(own)
		expect(owns({}, name)).toBe(true)
	})
})

describe('the catalog', () => {
	const entry = (name: string): CatalogEntry => {
		const [namespace = '', service = ''] = name.split('/')
		return { namespace, name: service, host: '', endpoints: [], version: name }
	}
	const all = ['a-b/x', 'a/x', 'a/y', 'a/z', 'b/x', 'c/x', 'c/y', 'd/x']
	const read = async (namespaces: readonly string[], limit: number) => {
		const names: string[] = []
		let after: string | undefined
		for (let pages = 0; pages < 20; pages++) {
			const page = await catalogPage(meshOf(world), 'local', { namespaces }, { limit, ...(after ? { after } : {}) })
			expect(page.items.length).toBeLessThanOrEqual(limit)
			names.push(...page.items.map(({ namespace, name }) => `${namespace}/${name}`))
			if (page.next === undefined) return names
			after = page.next
		}
		throw new Error('no end')
	}
	beforeEach(() => {
		world.catalog = all.map(entry)
	})

	it.each([[['a']], [['c', 'a']], [['a-b', 'a', 'd']], [['b', 'none']], [['none']]])(
		'of those limited to %j is theirs, each once, in order, in pages of any size',
		async (namespaces) => {
			const own = all.filter((name) => namespaces.includes(name.split('/')[0]!))
			for (let limit = 1; limit <= 9; limit++) expect([limit, await read(namespaces, limit)]).toEqual([limit, own])
			const walked: string[] = []
			for await (const { namespace, name } of catalog(meshOf(world), 'local', { namespaces }))
				walked.push(`${namespace}/${name}`)
			expect(walked).toEqual(own)
		},
	)

	it('has another version when what they see differs, and the same when something else does', async () => {
		const version = async () => (await catalogPage(meshOf(world), 'local', OF_A, { limit: 10 })).version
		world.catalog = [entry('alfa/x'), entry('bravo/x')]
		const before = await version()
		world.catalog = [entry('alfa/x'), entry('bravo/y'), entry('bravo/z')]
		world.catalogVersion = 'v1'
		expect(await version()).toBe(before)
		world.catalog = [{ ...entry('alfa/x'), version: 'other' }]
		expect(await version()).not.toBe(before)
	})
})

describe('telemetry', () => {
	const series = (service: string, rule: string) => ({
		...{ service, rule, status: 200, refusal: '', count: 5, requestBytes: 0, responseBytes: 0, unsizedBodies: 0 },
		...{ retries: 0, latency: [], latencySumMs: 1 },
	})
	const as = async (namespaces?: readonly string[]) => {
		world.principals.set(await hashOf('limited'), { ...OF_A, role: 'viewer', namespaces: namespaces ?? [] })
		const ask = asker(meshOf(world))
		const headers = { authorization: 'Bearer limited' }
		const text = async (path: string) =>
			(await ask('GET', path, { as: namespaces ? null : 'viewer', headers: namespaces ? headers : {} })).text()
		return `${await text('/metrics')}${await text('/v1/telemetry/summary')}`
	}
	beforeEach(() => {
		const ejected = (service: string) => ({ service, total: 1, current: [{ id: `of-${service}`, until: 0 }] })
		world.telemetry.local = {
			region: 'local',
			series: [
				series('alfa/x', 'alfa/r/all'),
				series('alfa/x', 'bravo/r/all'),
				series('bravo/x', 'alfa/r/all'),
				series('', ''),
			],
			...{ overflow: 0, syncFailures: 0, isolates: [] },
			ejections: [ejected('alfa/x'), ejected('bravo/x')],
		}
	})

	it('of those limited to a namespace is that of its services, and names no rule, service or key of others', async () => {
		expect(await as()).toMatch(/bravo[\s\S]*selvedge_key_expiry/)
		const own = await as(['alfa'])
		expect(own).not.toMatch(/bravo|selvedge_key|selvedge_token|checked/)
		expect(own).toContain('alfa/r/all')
		expect(own).toContain('"requests":10')
	})

	it('tells when tokens end, of those that will', () => {
		const token = (id: string, expiresAt?: string) => ({
			...{ id, name: `n-${id}`, role: 'viewer' as const, createdAt: '', createdBy: '' },
			...(expiresAt === undefined ? {} : { expiresAt }),
		})
		const page = tokenExposition(
			[token('1', '2100-01-01T00:00:00Z'), token('2'), token('3', '2000-01-01T00:00:00Z')],
			Date.UTC(2050, 0, 1),
		)
		expect(page.split('\n').filter((line) => line.startsWith('selvedge_'))).toEqual([
			'selvedge_token_expiry_timestamp_seconds{id="1",name="n-1"} 4102444800',
		])
	})
})

describe('an explanation', () => {
	const explanation = (route: string | undefined, ...services: string[]): Explanation => ({
		revision: 7,
		outcome: `${services.length} outcomes`,
		outcomes: services.map((service) => ({ percent: 50, outcome: 'sent', service, endpoints: 3 })),
		percent: 100,
		rule: { name: 'r', ...(route === undefined ? {} : { route }) },
		stages: [
			{ stage: 'session', verdict: 'passed', service: services.at(-1) ?? '', endpoint: 'secret-id' },
			{
				...{ stage: 'pick', verdict: 'passed' },
				backends: services.map((service) => ({
					...{ service, weight: 1, percent: 50, endpointCount: 3 },
					endpoints: [{ id: 'e', url: `http://inner.${service}`, percent: 100 }],
				})),
			},
		],
		edits: {
			request: services.map((service) => ({
				...{ service, url: `http://inner.${service}/`, headersSet: {}, headersAdded: {}, headersRemoved: [] },
			})),
			response: [],
		},
		nearMisses: ['alfa/n', 'bravo/n'].map((missed) => ({
			...{ rule: missed, route: missed, match: { path: { type: 'Exact', value: '/' } }, wouldWin: false, failed: [] },
		})),
	})

	it('of a rule and service of theirs is whole but for the rules of others that it misses', () => {
		const whole = explanation('alfa/r', 'alfa/x')
		expect(ownExplanation(whole, {})).toBe(whole)
		const own = ownExplanation(whole, OF_A)!
		expect(own).toMatchObject({ stages: whole.stages, edits: whole.edits })
		expect(own.nearMisses.map(({ route }) => route)).toEqual(['alfa/n'])
	})

	it('says of others’ services behind a rule of theirs no more than the rule does', () => {
		const own = ownExplanation(explanation('alfa/r', 'alfa/x', 'bravo/y'), OF_A)!
		const text = JSON.stringify(own)
		expect(text).toContain('inner.alfa/x')
		expect(text).not.toMatch(/inner\.bravo|secret-id|undefined/)
		expect(own.outcomes[1]).toEqual({ percent: 50, outcome: 'sent', service: 'bravo/y' })
		expect(own.outcome).toBe('50 % go to alfa/x (3 endpoints), 50 % go to bravo/y')
	})

	it.each<[string, Explanation]>([
		['a rule of others answers', explanation('bravo/r', 'alfa/x')],
		['a service of others answers, without a route', explanation(undefined, 'bravo/x')],
		['nobody answers', { ...explanation(undefined), rule: undefined } as never],
		[
			'others answer a share of it',
			{ ...explanation('alfa/r', 'alfa/x'), alternatives: [explanation('bravo/r', 'alfa/x')] },
		],
	])('is not for them where %s', (_, theirs) => {
		expect(ownExplanation(theirs, OF_A)).toBeUndefined()
	})
})

describe('a change that is refused', () => {
	it('is told of to the audit log, with who wanted it; what is only looked at is not', async () => {
		const ask = asker(meshOf(world))
		const headers = { 'cf-connecting-ip': '192.0.2.1' }
		await ask('POST', '/v1/apply', { as: 'viewer', headers, body: '' })
		await ask('DELETE', '/v1/tokens/x', { as: 'operator', headers })
		await ask('DELETE', '/v1/tokens/x', { as: 'operator', headers })
		await ask('GET', '/v1/tokens', { as: 'viewer', headers })
		await settle(world)
		expect(world.refused).toEqual([
			{ what: 'change', network: '192.0.2.1', actor: 'viewer', count: 1 },
			{ what: 'change', network: '192.0.2.1', actor: 'operator', count: 2 },
		])
	})
})

describe('a change that its handler refuses', () => {
	it('is told of too', async () => {
		world.principals.set(await hashOf('limited'), OF_A)
		const headers = { authorization: 'Bearer limited', 'content-type': 'application/json' }
		const body = '{"namespace":"bravo","workload":"x"}'
		const ask = asker(meshOf(world))
		expect((await ask('POST', '/v1/identity/join-tokens', { as: null, headers, body })).status).toBe(403)
		await settle(world)
		expect(world.refused).toEqual([{ what: 'change', network: '', actor: 'of-alfa', count: 1 }])
	})
})

describe('secrets', () => {
	it('are compared nowhere: they are hashed, and hashes are looked up', () => {
		const files = sourceFiles().filter(({ path }) => /^workers\/admin\/|^durable-objects\/policy/.test(path))
		const name = '\\w*(?:token|hash|secret|jwt|assertion|password)'
		const nothing = "(?:undefined|null|''|true|false)"
		const compares = new RegExp(
			`\\b${name}\\b[!)]*\\s*[!=]==(?!\\s*${nothing})|[!=]==\\s*(?:\\w+\\.)*${name}\\b(?![(.])`,
			'i',
		)
		const found = files.flatMap(({ path, code }) =>
			// A service token's Client ID is a name, not its secret.
			code
				.replaceAll('serviceToken', '')
				.split('\n')
				.flatMap((line) => (compares.test(line) ? [`${path}: ${line.trim()}`] : [])),
		)
		expect(found).toEqual([])
		expect(compares.test('if (token === expected)')).toBe(true)
		expect(compares.test('return wanted !== row.hash')).toBe(true)
	})
})
