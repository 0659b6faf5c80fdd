/** Telling an answer of the edge from an answer of an endpoint. */
import { describe, expect, it } from 'vitest'
import { isEdgeMade } from '../../../src/resilience/edgeMade.ts'

const INBOUND = '8f2a00000000aaaa-FRA'
const OTHER = '8f2a00000000bbbb-FRA'

const answer = (status: number, headers: Record<string, string> = { server: 'cloudflare', 'cf-ray': OTHER }) =>
	new Response('', { status, headers })

describe('the edge', () => {
	it.each([520, 521, 522, 523, 524, 525, 526, 527, 530])('made a %i with a ray of its own', (status) => {
		expect(isEdgeMade(answer(status), INBOUND)).toBe(true)
		expect(isEdgeMade(answer(status), null)).toBe(true)
	})

	it.each([200, 500, 502, 503, 504, 519, 528, 529, 531, 599])('made no %i', (status) => {
		expect(isEdgeMade(answer(status), INBOUND)).toBe(false)
	})

	it.each<[string, Record<string, string>]>([
		['names another server', { server: 'nginx', 'cf-ray': OTHER }],
		['names no server', { 'cf-ray': OTHER }],
		['names a server like it', { server: 'cloudflare-nginx', 'cf-ray': OTHER }],
		['has no ray', { server: 'cloudflare' }],
		['echoes the ray of the request', { server: 'cloudflare', 'cf-ray': INBOUND }],
	])('made no 522 that %s', (_, headers) => expect(isEdgeMade(answer(522, headers), INBOUND)).toBe(false))

	it('is known however its name is written', () => {
		expect(isEdgeMade(answer(520, { Server: 'Cloudflare', 'CF-RAY': OTHER }), INBOUND)).toBe(true)
	})
})
