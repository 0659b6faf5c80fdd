/** Values of Secrets on their way in, and on their way out to a service of the same namespace. */
import { expect, it } from 'vitest'
import { ok } from '../../../src/result.ts'
import { openFor, sealValues } from '../../../src/secrets/credentials.ts'
import { createKeyring, type Keyring } from '../../../src/secrets/sealing.ts'

const made = await createKeyring('a-master-key-of-more-than-32-characters')
const keyring = (made as { value: Keyring }).value
const STRIPE = { namespace: 'shop', name: 'stripe' }

it('every value is sealed for its own key: none can take the place of another', async () => {
	const sealed = await sealValues(keyring, STRIPE, { live: 'same', test: 'same' })
	expect(Object.keys(sealed)).toEqual(['live', 'test'])
	expect(sealed.live).not.toBe(sealed.test)
	expect(await openFor('shop', `Secret/shop/stripe/live=${sealed.live}`, ok(keyring))).toEqual(ok('same'))
	const moved = await openFor('shop', `Secret/shop/stripe/test=${sealed.live}`, ok(keyring))
	expect(moved).toMatchObject({ error: expect.stringContaining('it was altered, or sealed for another entry') })
})

it('a text of another namespace is not opened, whatever it says of itself', async () => {
	const { live } = await sealValues(keyring, STRIPE, { live: 'x' })
	const text = `Secret/shop/stripe/live=${live}`
	for (const namespace of ['team', 'sho', '', 'default'])
		expect((await openFor(namespace, text, ok(keyring))).ok, namespace).toBe(false)
	expect(await openFor('team', text, ok(keyring))).toMatchObject({
		error: 'Secret/shop/stripe/live is not of namespace team',
	})
})

it.each([
	[`Secret/shop/stripe/live=plain`, 'Secret/shop/stripe/live cannot be opened: it is not sealed'],
	['Secret/shop/stripe/live', 'Secret/shop/stripe/live cannot be opened: it is not sealed'],
	[
		'Secret/shop/stripe/live=sealed:v1:00000000:AAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA',
		'Secret/shop/stripe/live cannot be opened: the MASTER_KEY that sealed it is not in the list any more',
	],
])('%j says why it cannot be opened', async (text, error) => {
	expect(await openFor('shop', text, ok(keyring))).toEqual({ ok: false, error })
})

it('without keys nothing is opened, and the reason is passed on', async () => {
	const { live } = await sealValues(keyring, STRIPE, { live: 'x' })
	expect(
		await openFor('shop', `Secret/shop/stripe/live=${live}`, { ok: false, error: 'there is no MASTER_KEY' }),
	).toEqual({
		ok: false,
		error: 'Secret/shop/stripe/live cannot be opened: there is no MASTER_KEY',
	})
})
