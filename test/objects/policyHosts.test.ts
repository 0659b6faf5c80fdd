/** Hosts of Gateways: whoever is limited to a namespace cannot make one answer for what is others'. */
import { reset } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ChangeRequest, Principal } from '../../src/ports.ts'
import { apply, documents, gateway, inRoot, root, storedParts } from './meshObjects.ts'

const OF_A: Principal = { token: 't', name: 'of-alfa', role: 'operator', namespaces: ['alfa'] }
const OF_BOTH: Principal = { ...OF_A, namespaces: ['alfa', 'bravo'] }
const OPERATOR: Principal = { token: 'o', name: 'olga', role: 'operator' }

const inside = (namespace: string, ...hostnames: string[]) => ({
	...gateway('g', ...hostnames),
	metadata: { name: 'g', namespace },
})
const hostless = (namespace: string) => {
	const { spec, ...rest } = inside(namespace, 'x.test')
	return { ...rest, spec: { ...spec, listeners: spec.listeners.map(({ hostname: _, ...listener }) => listener) } }
}

const put = (actor: Principal, value: object, more: Partial<ChangeRequest> = {}) =>
	attempt({ actor, put: documents(value), ...more })
async function attempt(request: ChangeRequest): Promise<string> {
	const result = await root().change(request)
	return result.ok ? result.value.results.map(({ action }) => action).join() : result.error.reason
}

beforeEach(async () => {
	await apply(inside('bravo', 'shop.example.com', '*.bravo.test'))
})
afterEach(() => reset())

describe('a Gateway of somebody who is limited', () => {
	it.each([
		['the very host of others', inside('alfa', 'shop.example.com')],
		['it beside a free one', inside('alfa', 'free.test', 'shop.example.com')],
		['a host below their wildcard', inside('alfa', 'login.bravo.test')],
		['one further below', inside('alfa', 'a.b.bravo.test')],
		['a wildcard below theirs', inside('alfa', '*.login.bravo.test')],
		['their wildcard', inside('alfa', '*.bravo.test')],
	])('cannot have %s, by a dry run neither, and nothing changes', async (_, document) => {
		const before = await inRoot(storedParts)
		for (const dryRun of [false, true]) expect(await put(OF_A, document, { dryRun })).toBe('not_permitted')
		expect(await inRoot(storedParts)).toEqual(before)
		expect(await put(OPERATOR, document)).toBe('created')
	})

	it.each([
		['a free host', inside('alfa', 'free.test')],
		['the domain of their wildcard, which is not below it', inside('alfa', 'bravo.test')],
		['a wider wildcard, which takes nothing from them', inside('alfa', '*.example.com')],
		['all that nobody else has', hostless('alfa')],
	])('can have %s', async (_, document) => {
		expect(await put(OF_A, document)).toBe('created')
	})

	it('can have none where others have all of them', async () => {
		await apply(hostless('bravo'))
		expect(await put(OF_A, inside('alfa', 'free.test'))).toBe('not_permitted')
		expect(await put(OF_A, hostless('alfa'))).toBe('not_permitted')
	})

	it('keeps what it has, whoever has come since, and may have it back by no rollback', async () => {
		await apply(inside('alfa', 'mine.test', 'shop.example.com'))
		const { revision } = await root().ready()
		expect(await put(OF_A, inside('alfa', 'mine.test', 'shop.example.com', 'free.test'))).toBe('configured')
		expect(await put(OF_A, inside('alfa', 'mine.test'))).toBe('configured')
		const result = await root().rollback(revision, OF_A)
		expect(result.ok ? 'rolled back' : result.error.reason).toBe('not_permitted')
	})

	it('is theirs to share among all of their namespaces', async () => {
		expect(await put(OF_BOTH, inside('alfa', 'shop.example.com'))).toBe('created')
	})
})
