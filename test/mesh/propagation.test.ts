/** Changes of the mesh while traffic flows: they take effect without a restart, and only they. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { gateway, grant, route, service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'

let mesh: Mesh
const backends: Backend[] = []

/** A backend that answers its own name, and its address. */
async function named(name: string): Promise<string> {
	const backend = await startBackend((_, response) => void response.end(name))
	backends.push(backend)
	return backend.url
}

beforeAll(async () => {
	const [a, b] = [await named('a'), await named('b')]
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('a', a),
		service('b', b),
		gateway('shop', 'shop.test'),
		route('shop', 'shop', { name: 'a', weight: 80 }, { name: 'b', weight: 20 }),
		gateway('wild', '*.wild.test'),
		route('wild', 'wild', { name: 'a' }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all(backends.map((backend) => backend.stop()))
})

const answers = async (host: string): Promise<string> => {
	const { status, text } = await mesh.via(host)
	return status === 200 ? text : (JSON.parse(text) as { reason: string }).reason
}
const becomes = (host: string, expected: string) =>
	eventually(
		() => answers(host),
		(answer) => answer === expected,
	)

it('weights of 80 and 20 share 2,500 requests within 6.25 sigma: five in a hundred', async () => {
	// Chance alone leaves that in one run of a billion.
	const n = 2_500
	let toA = 0
	for (let sent = 0; sent < n; sent += 50) {
		const batch = await Promise.all(Array.from({ length: 50 }, () => answers('shop.test')))
		expect(batch.filter((one) => one !== 'a' && one !== 'b')).toEqual([])
		toA += batch.filter((one) => one === 'a').length
	}
	expect(Math.abs(toA - n * 0.8)).toBeLessThan(6.25 * Math.sqrt(n * 0.8 * 0.2))
})

it('endpoints of a service take turns where a policy says so', async () => {
	const urls = await Promise.all(['one', 'two', 'three'].map(named))
	const targetRefs = [{ kind: 'Service', name: 'turns' }]
	const policy = { apiVersion: 'selvedge.dev/v1', kind: 'TrafficPolicy', metadata: { name: 'turns' } }
	await mesh.apply(service('turns', urls), {
		...policy,
		spec: { targetRefs, loadBalancer: { type: 'RoundRobin' } },
	})
	await becomes(`turns.${DOMAIN}`, 'one')
	const seen: string[] = []
	for (let i = 0; i < 9; i++) seen.push(await answers(`turns.${DOMAIN}`))
	expect(seen).toEqual(['two', 'three', 'one', 'two', 'three', 'one', 'two', 'three', 'one'])
})

describe.concurrent('takes effect while requests flow, and none of them fails:', () => {
	it('another backend of a route', async () => {
		await mesh.apply(route('shop', 'shop', { name: 'a' }))
		await eventually(
			() => Promise.all(Array.from({ length: 20 }, () => answers('shop.test'))),
			(batch) => {
				expect(batch.filter((one) => one !== 'a' && one !== 'b')).toEqual([])
				return batch.every((one) => one === 'a')
			},
		)
		await mesh.apply(route('shop', 'shop', { name: 'b' }))
		expect(await becomes('shop.test', 'b')).toBe('b')
	})

	it('another endpoint of a service', async () => {
		await mesh.apply(service('moving', await named('old')))
		expect(await becomes(`moving.${DOMAIN}`, 'old')).toBe('old')
		await mesh.apply(service('moving', await named('new')))
		expect(await becomes(`moving.${DOMAIN}`, 'new')).toBe('new')
	})
})

describe.concurrent('comes and goes while the mesh runs:', () => {
	it('a service', async () => {
		const host = `late.${DOMAIN}`
		expect(await answers(host)).toBe('unknown_host')
		await mesh.apply(service('late', await named('late')))
		await becomes(host, 'late')
		await mesh.remove(service('late', []))
		await becomes(host, 'unknown_host')
		await mesh.apply(service('late', await named('again')))
		await becomes(host, 'again')
	})

	it('a route: its service answers for itself without one', async () => {
		const gamma = {
			...route('gamma', 'x', { name: 'b' }),
			spec: {
				parentRefs: [{ group: '', kind: 'Service', name: 'a' }],
				rules: [{ backendRefs: [{ name: 'b', port: 80 }] }],
			},
		}
		expect(await becomes(`a.${DOMAIN}`, 'a')).toBe('a')
		await mesh.apply(gamma)
		await becomes(`a.${DOMAIN}`, 'b')
		await mesh.remove(gamma)
		await becomes(`a.${DOMAIN}`, 'a')
	})

	it('a more specific listener, which takes over from a wildcard and gives back', async () => {
		await becomes('x.wild.test', 'a')
		const specific = [gateway('x', 'x.wild.test'), route('x', 'x', { name: 'b' })]
		await mesh.apply(...specific)
		await becomes('x.wild.test', 'b')
		expect(await answers('y.wild.test')).toBe('a')
		await mesh.remove(...specific)
		await becomes('x.wild.test', 'a')
	})

	it('a ReferenceGrant: without it, what it allowed is refused', async () => {
		const consent = grant('from-default', 'other')
		await mesh.apply(
			service('theirs', await named('theirs'), 'other'),
			gateway('cross', 'cross.test'),
			route('cross', 'cross', { name: 'theirs', namespace: 'other' }),
			consent,
		)
		await becomes('cross.test', 'theirs')
		await mesh.remove(consent)
		await becomes('cross.test', 'invalid_backend')
		const { status, text } = await mesh.via('cross.test')
		expect(status).toBe(500)
		expect(JSON.parse(text)).toMatchObject({
			rule: 'default/cross/all',
			detail: expect.stringContaining('ReferenceGrant'),
		})
		await mesh.apply(consent)
		await becomes('cross.test', 'theirs')
	})
})

/** Of the 250 ms that a request after a pause waits for the region's replica at most. */
const MOST_OF_THE_WAIT_MS = 200

it('a host that an idle isolate never heard of is served at the first request after a pause', async () => {
	await becomes('x.wild.test', 'a')
	for (const name of ['fresh', 'fresher', 'freshest']) {
		await mesh.apply(service(name, await named(name)))
		// Nobody asks meanwhile: this is the pause itself, which only the isolate's own clock can measure.
		await pause(2_000)
		const askedAt = performance.now()
		const answer = await answers(`${name}.${DOMAIN}`)
		if (answer === name) return
		// It goes by what it knows only where the machine is so slow that it has waited in vain.
		expect([answer, performance.now() - askedAt > MOST_OF_THE_WAIT_MS]).toEqual(['unknown_host', true])
	}
	expect.unreachable('no request has waited for long enough')
})
