/** What a replica answers to isolates that load: the right virtual host, its slices, their services, all of it in pages. */
import { reset } from 'cloudflare:test'
import { afterEach, expect, it } from 'vitest'
import { mayContain } from '../../src/matching/bloomFilter.ts'
import type { LoadAnswer, LoadRequest } from '../../src/ports.ts'
import type { Part } from '../../src/snapshot/snapshot.ts'
import { replica } from './meshObjects.ts'

afterEach(() => reset())

const part = (name: string, sequence: number, body: object | null): Part => ({
	name,
	sequence,
	revision: 1,
	hash: `h${sequence}`,
	body: body === null ? null : JSON.stringify(body),
})
const push = (from: number, to: number, parts: readonly Part[]) =>
	replica('weur').push('weur', { epoch: 'e1', from, to, newest: to, revision: to, complete: true, parts })
const load = (request: LoadRequest) => replica('weur').load('weur', request)
const host = (pattern: string, sequence: number, defaultService?: string) =>
	part(`virtualHost/${pattern}`, sequence, {
		kind: 'virtualHost',
		pattern,
		...(defaultService && { defaultService }),
	})
const slice = (pattern: string, route: string, sequence: number, service: string, padding = 0) =>
	part(`virtualHost/${pattern}/default/${route}`, sequence, {
		kind: 'routeSlice',
		padding: 'x'.repeat(padding),
		rules: [
			{
				backends: [
					{ weight: 1, service },
					{ weight: 1, invalid: 'no such service' },
				],
			},
		],
	})
const target = (name: string, sequence: number) => part(`service/${name}`, sequence, { kind: 'service', service: name })
const names = ({ parts }: LoadAnswer) => parts.map(({ name }) => name)
const mesh = () =>
	push(
		0,
		20,
		[
			host('shop.test', 1),
			host('*.shop.test', 2),
			host('*.test', 3),
			host('a.mesh.localhost', 4, 'default/a'),
			host('b--team.mesh.localhost', 5, 'team/b'),
			host('gone.test', 6),
			slice('shop.test', 'r1', 7, 'default/a'),
			slice('shop.test', 'r2', 8, 'team/b'),
			slice('*.shop.test', 'r3', 9, 'default/missing'),
			target('default/a', 10),
			target('team/b', 11),
			part('virtualHost/shop.test/default/left', 12, null),
			part('virtualHost/gone.test', 20, null),
		].filter(({ name, sequence }) => name !== 'virtualHost/gone.test' || sequence === 20),
	)

it.for<[string, string | null]>([
	['shop.test', 'shop.test'],
	['a.shop.test', '*.shop.test'],
	['a.b.shop.test', '*.shop.test'],
	['other.test', '*.test'],
	['gone.test', '*.test'],
	['test', null],
	['example.com', null],
	['a.mesh.localhost', 'a.mesh.localhost'],
	['a--default.mesh.localhost', 'a.mesh.localhost'],
	['a.default.mesh.localhost', 'a.mesh.localhost'],
	['b.team.mesh.localhost', 'b--team.mesh.localhost'],
	['b--team.mesh.localhost', 'b--team.mesh.localhost'],
	['b.mesh.localhost', null],
	['mesh.localhost', null],
	['__proto__', null],
	['', null],
])('resolves %s to %s', async ([asked, pattern], { expect }) => {
	await mesh()
	expect(Object.entries((await load({ hosts: [asked] })).hosts)).toEqual([[asked, pattern]])
})

it('resolves whatever is not the mesh’s own to the catch-all, where there is one', async () => {
	await mesh()
	await push(20, 21, [host('*', 21)])
	const { hosts } = await load({ hosts: ['example.com', 'a.shop.test', 'b.mesh.localhost'] })
	expect(hosts).toEqual({ 'example.com': '*', 'a.shop.test': '*.shop.test', 'b.mesh.localhost': null })
})

it('sends a host with its slices and their services, and no slice that went', async () => {
	await mesh()
	expect(names(await load({ hosts: ['shop.test'] }))).toEqual([
		'virtualHost/shop.test',
		'virtualHost/shop.test/default/r1',
		'virtualHost/shop.test/default/r2',
		'service/default/a',
		'service/team/b',
		'mesh',
		'namespace/default',
		'namespace/team',
	])
	expect(names(await load({ hosts: ['a.mesh.localhost'] }))).toEqual([
		'virtualHost/a.mesh.localhost',
		'service/default/a',
		'mesh',
		'namespace/default',
	])
})

it('sends a hundred services along, those that mirrors ask too, and none of which only a text speaks', async () => {
	const backends = Array.from({ length: 120 }, (_, i) => ({
		weight: 1,
		service: `default/s${String(i).padStart(3, '0')}`,
	}))
	const mirrors = [{ service: 'default/copied' }]
	const sent = (host: string) => load({ hosts: [host] }).then((answer) => names(answer).filter(isService))
	const isService = (name: string) => name.startsWith('service/')
	await push(0, 5, [
		host('many.test', 1),
		part('virtualHost/many.test/default/r', 2, { rules: [{ backends }] }),
		host('few.test', 3),
		part('virtualHost/few.test/default/r', 4, {
			text: 'not a field: "service":"default/spoken-of","service":"',
			rules: [{ filters: { mirrors }, backends: backends.slice(0, 1) }],
		}),
		target('default/s000', 5),
	])
	expect(await sent('many.test')).toEqual(backends.slice(0, 100).map(({ service }) => `service/${service}`))
	expect(await sent('few.test')).toEqual(['service/default/copied', 'service/default/s000'])
})

it('sends with every service what holds for its namespace and for the mesh, also that nothing does', async () => {
	await mesh()
	await push(20, 22, [
		part('namespace/team', 21, { kind: 'namespace', namespace: 'team', traffic: { panicShare: 0.2 } }),
		part('mesh', 22, {
			...{ kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open' },
			traffic: { panicShare: 0.1 },
		}),
	])
	const bodies = async (request: LoadRequest) =>
		(await load(request)).parts.map(({ name, body }) => [name, body === null ? null : JSON.parse(body).traffic])
	expect(await bodies({ parts: ['service/default/never', 'service/team/b'] })).toEqual([
		['service/default/never', null],
		['service/team/b', undefined],
		['mesh', { panicShare: 0.1 }],
		['namespace/default', null],
		['namespace/team', { panicShare: 0.2 }],
	])
	expect(await bodies({ parts: ['mesh', 'namespace/team', 'service/team/b'] })).toHaveLength(3)
	expect(await bodies({ parts: ['namespace/team'] })).toHaveLength(1)
})

it('says of a part that never was, or went, that it is not there', async () => {
	await mesh()
	const { parts } = await load({ parts: ['service/default/never', 'virtualHost/gone.test'] })
	expect(parts.slice(0, 2)).toMatchObject([
		{ name: 'service/default/never', body: null, sequence: 0 },
		{ name: 'virtualHost/gone.test', body: null, sequence: 20 },
	])
})

it('sends thousands of parts by name, each once and in order, those that are not there too', async () => {
	const asked = Array.from({ length: 2_500 }, (_, i) => `service/default/s${String(i).padStart(4, '0')}`)
	const there = asked.filter((_, i) => i % 3 === 0)
	await push(
		0,
		there.length,
		there.map((name, i) => part(name, i + 1, { service: name })),
	)
	const { parts, next } = await load({ parts: asked })
	expect(next).toBeUndefined()
	const services = parts.slice(0, asked.length)
	expect(services.map(({ name }) => name)).toEqual(asked)
	expect(services.filter(({ body }) => body !== null).map(({ name }) => name)).toEqual(there)
	expect(services[4]).toEqual({ name: asked[4], sequence: 0, revision: 0, hash: '', body: null })
})

it('sends a large answer in pages that together hold everything once', async () => {
	const slices = Array.from({ length: 30 }, (_, i) =>
		slice('big.test', `r${i}`, i + 2, 'default/a', i === 7 ? 6_000_000 : 500_000),
	)
	await push(0, 32, [host('big.test', 1), ...slices, target('default/a', 32)])
	const seen: string[] = []
	let pages = 0
	for (let after: string | undefined; ; pages++) {
		const answer = await load({ hosts: ['big.test'], ...(after === undefined ? {} : { after }) })
		expect(answer.parts.reduce((sum, { body }) => sum + (body?.length ?? 0), 0)).toBeLessThan(6_100_000)
		seen.push(...names(answer).filter((name) => name.startsWith('virtualHost/')))
		after = answer.next
		if (after === undefined) break
	}
	expect(pages).toBeGreaterThan(2)
	expect(seen).toEqual(['virtualHost/big.test', ...slices.map(({ name }) => name).sort()])
})

it('sends a filter that holds the pattern of every host that stands, and few others', async () => {
	const patterns = Array.from({ length: 2_000 }, (_, i) => `${i % 3 === 0 ? '*.' : ''}h${i}.test`)
	await push(
		0,
		2_000,
		patterns.map((pattern, i) => host(pattern, i + 1)),
	)
	const { filter } = await load({ filter: true })
	for (const pattern of patterns) expect(mayContain(filter!, pattern), pattern).toBe(true)
	const strangers = Array.from({ length: 10_000 }, (_, i) => `x${i}.example`)
	expect(strangers.filter((name) => mayContain(filter!, name)).length).toBeLessThan(50)
	await push(2_000, 2_001, [host('late.test', 2_001)])
	expect(mayContain((await load({ filter: true })).filter!, 'late.test')).toBe(true)
	expect((await load({})).filter).toBeUndefined()

	// More than the filter has room for: it is made anew, larger, and still mistakes few.
	const more = Array.from({ length: 3_000 }, (_, i) => `m${i}.test`)
	const from = 2_001
	await push(
		from,
		from + more.length,
		more.map((pattern, i) => host(pattern, from + i + 1)),
	)
	const grown = (await load({ filter: true })).filter!
	for (const pattern of [...patterns, 'late.test', ...more]) expect(mayContain(grown, pattern), pattern).toBe(true)
	expect(grown.bits.length).toBeGreaterThan(filter!.bits.length)
	expect(strangers.filter((name) => mayContain(grown, name)).length).toBeLessThan(50)
})
