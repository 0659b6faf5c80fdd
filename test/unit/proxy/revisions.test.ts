/** Snapshots that arrive while a request waits: it is judged by the rule and the policies of one revision, never by some of each. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { PartBody } from '../../../src/snapshot/snapshot.ts'
import { userToken } from '../identity/users.ts'
import { allow, deny, EVERYTHING, HOST, mesh } from './access/guarded.ts'
import { asking, freshProof, identifying, proving, served, URL_OF_SHOP } from './callers/identified.ts'
import { type FakeProxy, until, verdict } from './fakeProxy.ts'
import { gone, head, rule, service, slice } from './knowledge/fakeReplica.ts'
import { bearer, jwtRule, pathOf, received } from './users/signedIn.ts'

afterEach(() => vi.restoreAllMocks())

type Parts = Record<string, PartBody | null>
const NOBODY = deny('nobody', EVERYTHING)

/** Waits until somebody waits for it, and lets all go at once. */
function gate() {
	let open = () => {}
	let waiting = 0
	const opened = new Promise<void>((resolve) => {
		open = resolve
	})
	const pass = async () => {
		waiting++
		await opened
	}
	return { pass, open: () => open(), met: () => waiting > 0 }
}

/** Signatures are not verified before it opens. */
function heldUp() {
	const verify = crypto.subtle.verify.bind(crypto.subtle)
	const verifying = gate()
	vi.spyOn(crypto.subtle, 'verify').mockImplementation(async (...args) => {
		await verifying.pass()
		return verify(...(args as Parameters<typeof verify>))
	})
	return verifying
}

/** The next sync has brought these. */
async function learn(proxy: FakeProxy, parts: Parts): Promise<void> {
	proxy.replica.change(parts)
	proxy.now += 2_000
	await proxy.start('http://other.test/')
	await until(() => proxy.knowledge.table.revision === proxy.replica.revision)
}

const OTHER = { ...head('other.test'), ...slice('other.test', 'other', 'd/other'), ...service('d/other', { id: 'o' }) }

/** A proxy that has served the host and another one. */
async function warmed(parts: Record<string, PartBody>): Promise<FakeProxy> {
	const proxy = identifying({ ...parts, ...OTHER })
	await proxy.get(URL_OF_SHOP)
	await proxy.get('http://other.test/')
	return proxy
}

describe('while a caller is identified,', () => {
	const routed = (to: string) => slice(HOST, 'r', to)
	const parts = {
		...served('shop'),
		...routed('default/shop'),
		...service('default/next', { id: 'next' }),
	}

	it('rules that change are those that the request meets', async () => {
		const proxy = await warmed(parts)
		const verifying = heldUp()
		const response = proxy.start(asking(proving()))
		await until(verifying.met)
		await learn(proxy, routed('default/next'))
		verifying.open()
		expect(await verdict(response)).toBe(200)
		expect(new URL(received(proxy).url).hostname).toBe('next.test')
	})

	it('a host that goes is gone', async () => {
		const proxy = await warmed(parts)
		const verifying = heldUp()
		const response = proxy.start(asking(proving()))
		await until(verifying.met)
		await learn(proxy, gone(head(HOST), routed('')))
		verifying.open()
		expect(await verdict(response)).toBe('unknown_host')
	})

	it('its proof counts once, though all else is done twice', async () => {
		const proxy = await warmed({ ...parts, ...served('shop', { proofReuse: 'Never', mode: 'STRICT' }) })
		const verifying = heldUp()
		const headers = proving(freshProof())
		const response = proxy.start(asking(headers))
		await until(verifying.met)
		await learn(proxy, routed('default/shop'))
		verifying.open()
		expect(await verdict(response)).toBe(200)
		expect(await verdict(proxy.get(asking(headers)))).not.toBe(200)
	})
})

describe('while a token is verified, policies move', () => {
	const users = [jwtRule({ outputClaimToHeaders: [{ header: 'x-user', claim: ['sub'] }] })]
	const shop = (more: object = {}) => served('shop', undefined, { users, ...more })
	const ruled = (more: object = {}) => slice(HOST, 'r', [{ ...rule('default/r/0', '', 'default/shop'), ...more }])
	const closed = (...access: Parameters<typeof mesh>[0]) => mesh(access, { defaultAccess: 'closed' })
	const unguarded = { ...shop(), ...ruled(), ...mesh([]) }

	it.each<[moves: string, before: Parts, after: Parts, expected: string | number]>([
		['from a mesh that is closed to one with a DENY', closed(), mesh([NOBODY]), 'access_denied'],
		['from a DENY of the mesh to a mesh that is closed', mesh([NOBODY]), closed(), 'access_denied'],
		[
			'from the rule to its service',
			ruled({ access: [NOBODY] }),
			{ ...ruled(), ...shop({ access: [NOBODY] }) },
			'access_denied',
		],
		[
			'from the service to its rule',
			shop({ access: [NOBODY] }),
			{ ...shop(), ...ruled({ access: [NOBODY] }) },
			'access_denied',
		],
		['away', shop({ access: [NOBODY] }), shop(), 200],
		['to whom they let in', closed(), closed(allow('all', EVERYTHING)), 200],
		['nowhere', {}, ruled({ timeouts: { requestMs: 600_000 } }), 200],
	])('%s', async (_, before, after, expected) => {
		const proxy = await warmed({ ...unguarded, ...before } as Record<string, PartBody>)
		const verifying = heldUp()
		const response = proxy.start(`${URL_OF_SHOP}?a=1&access_token=${userToken()}`)
		await until(verifying.met)
		await learn(proxy, after)
		verifying.open()
		expect(await verdict(response)).toBe(expected)
		expect(proxy.bugs).toEqual([])
		if (expected !== 200) return
		// It was shown once, and taken off once.
		expect([pathOf(received(proxy)), received(proxy).headers.get('x-user')]).toEqual(['/?a=1', 'alice'])
	})

	it('into another history, which is as far as the one before', async () => {
		const proxy = await warmed({ ...unguarded, ...closed() })
		const verifying = heldUp()
		const response = proxy.start(new Request(URL_OF_SHOP, { headers: bearer(userToken()) }))
		await until(verifying.met)
		const { revision } = proxy.knowledge.table
		proxy.replica.change(mesh([NOBODY]))
		proxy.replica.startAnew('second')
		proxy.replica.revision = revision
		proxy.now += 2_000
		await proxy.start('http://other.test/')
		await until(() => proxy.knowledge.table.cursor?.epoch === 'second')
		expect(proxy.knowledge.table).toMatchObject({ defaultAccess: 'open', revision })
		verifying.open()
		expect(await verdict(response)).toBe('access_denied')
	})

	it('and come with what somebody else looks up, before the next sync', async () => {
		const late = {
			...head('late.test'),
			...slice('late.test', 'late', 'default/late'),
			...service('default/late', { id: 'l' }),
		}
		const proxy = await warmed({ ...unguarded, ...late, ...closed() })
		const verifying = heldUp()
		const response = proxy.start(new Request(URL_OF_SHOP, { headers: bearer(userToken()) }))
		await until(verifying.met)
		const { revision } = proxy.knowledge.table
		proxy.replica.change(mesh([NOBODY]))
		await proxy.start('http://late.test/')
		expect([proxy.knowledge.table.defaultAccess, proxy.knowledge.table.revision]).toEqual(['open', revision + 1])
		verifying.open()
		expect(await verdict(response)).toBe('access_denied')
	})
})

it('a service that is looked up while its rule changes is not called by the rule of before', async () => {
	const ruled = (more: object = {}) => slice(HOST, 'r', [{ ...rule('default/r/0', '/cold', 'default/cold'), ...more }])
	const cold = (more: object = {}) => {
		const parts = service('default/cold', { id: 'cold' })
		return { 'service/default/cold': { ...parts['service/default/cold'], ...more } as PartBody }
	}
	const proxy = await warmed({ ...served('shop'), ...ruled(), ...cold({ access: [NOBODY] }) })
	const loading = gate()
	proxy.replica.beforeLoad = () => {
		proxy.replica.beforeLoad = () => {}
		return loading.pass()
	}
	const response = proxy.start(`${URL_OF_SHOP}cold`)
	await until(loading.met)
	await learn(proxy, { ...cold(), ...ruled({ access: [NOBODY] }) })
	loading.open()
	expect(await verdict(response)).toBe('access_denied')
})

it('a service that is looked up while its rule goes to another one refuses nobody for what it asks by then', async () => {
	const ruled = (to: string) => slice(HOST, 'r', [rule('default/r/0', '/cold', to)])
	const cold = service('default/cold', { id: 'cold' })
	const strict = { ...cold['service/default/cold'], peers: { mode: 'STRICT' } } as PartBody
	const proxy = await warmed({ ...served('shop'), ...ruled('default/cold'), ...cold })
	proxy.replica.change({ ...ruled('default/shop'), 'service/default/cold': strict })
	expect(await verdict(proxy.get(`${URL_OF_SHOP}cold`))).toBe(200)
	expect(new URL(received(proxy).url).hostname).toBe('shop.test')
})

describe('a copy', () => {
	const parts = {
		...served('shop'),
		...slice(HOST, 'r', [
			{ ...rule('default/r/0', '', 'default/shop'), filters: { mirrors: [{ service: 'default/copied' }] } },
		]),
		...service('default/copied', { id: 'copied' }),
	}
	const hosts = ({ sent }: FakeProxy) => sent.map(({ url }) => new URL(url).hostname)

	it.each([
		['is sent by the rule that its request had', false, ['shop.test', 'copied.test']],
		['is not sent by a rule of before', true, ['shop.test']],
	])('%s', async (_, changes, expected) => {
		const proxy = await warmed(parts)
		await proxy.settle()
		proxy.sent.length = 0
		const idling = gate()
		proxy.wait = idling.pass
		const response = proxy.start(URL_OF_SHOP)
		await until(idling.met)
		if (changes) await learn(proxy, mesh([], { sampleShare: 0.5 }))
		idling.open()
		expect(await verdict(response)).toBe(200)
		await proxy.settle()
		expect(hosts(proxy).filter((host) => host !== 'o.test')).toEqual(expected)
	})
})
