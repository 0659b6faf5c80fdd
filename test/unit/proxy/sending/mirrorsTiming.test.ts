/** When copies leave, and whose bytes they carry: the request itself comes first. */
import { expect, it } from 'vitest'
import { untilIdle } from '../../../../src/proxy/sending/mirrors.ts'
import { service } from '../knowledge/fakeReplica.ts'
import { answers, type Behaviour, serving, timed } from '../timedProxy.ts'

/** A proxy whose rule has a mirror, and whose service behaves like this. */
async function mirrored(behaviour: Behaviour, seed = 1) {
	const filters = { mirrors: [{ service: 'd/mirror' }] }
	const parts = { ...serving({}, ['main'], { filters }), ...service('d/mirror', { id: 'mirror' }) }
	const proxy = await timed(parts, seed)
	await proxy.settle()
	proxy.sent.length = 0
	proxy.behave = ({ endpoint }) => (endpoint === 'main' ? behaviour : 'silent')
	return proxy
}

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1)

it.each([
	['at once', answers(0), 5, 20],
	['within the pause', answers(4), 5, 20],
	['after 50 ms', answers(50), 55, 70],
	['after a second', answers(1_000), 110, 140],
	['never', 'silent' as const, 110, 140],
])(
	'the copy of a request that is answered %s leaves when nobody needs the thread',
	async (_, behaviour, least, most) => {
		const pauses: number[] = []
		for (const seed of SEEDS) {
			const proxy = await mirrored(behaviour, seed)
			void proxy.start()
			await proxy.pass(200)
			expect(proxy.sent.map(({ endpoint }) => endpoint)).toEqual(['main', 'mirror'])
			pauses.push(proxy.sent[1]!.atMs - proxy.sent[0]!.atMs)
		}
		expect(Math.min(...pauses)).toBeGreaterThanOrEqual(least)
		expect(Math.max(...pauses)).toBeLessThanOrEqual(most)
		// To no beat that the requests could keep, too.
		expect(new Set(pauses).size).toBeGreaterThan(SEEDS.length / 2)
	},
)

it('copies are sent also when the request ends in a mistake of the mesh', async () => {
	const wait = async () => {}
	const ports = { random: () => 0, wait } as unknown as Parameters<typeof untilIdle>[1]
	await expect(untilIdle(Promise.reject(new Error('bug')), ports)).resolves.toBeUndefined()
})
