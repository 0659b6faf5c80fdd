/** Which requests a route for some ports of a Service is for, and what becomes of the others. */
import { describe, expect, it } from 'vitest'
import { forPorts } from '../../../../src/proxy/compile/servicePort.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import { applyAnswer, createRoutingTable, resolveHost } from '../../../../src/proxy/knowledge/routingTable.ts'
import { match } from '../../../../src/proxy/stages/match.ts'
import { callerOf } from '../../matching/caller.ts'
import { DOMAIN, head, slice } from './fakeReplica.ts'

describe('a route for ports of its Service', () => {
	it.each<[ports: number[], ownPort: number, url: string, isFor: boolean]>([
		[[80], 443, 'http://echo.test/', true],
		[[8080], 443, 'http://echo.test/', true],
		[[80], 443, 'https://echo.test/', true],
		[[80], 443, 'http://echo.test:8080/', false],
		[[8080], 443, 'http://echo.test:8080/', true],
		[[80, 8080], 443, 'http://echo.test:8080/', true],
		[[80], 8787, 'http://echo.test:8787/', true],
		[[80], 8787, 'http://echo.test:8080/', false],
		[[8080], 443, 'https://echo.test:8443/', false],
		[[8080], 443, 'http://[::1]/', true],
		[[8080], 443, 'http://[::1]:8081/', false],
	])('%j in a mesh at %d, asked for %s: %s', (ports, ownPort, url, expected) => {
		const exchange = admit(new Request(url), 0, () => 0)
		expect(forPorts(ports, ownPort)?.(exchange)).toBe(expected)
	})

	it.each([
		['http', 'echo.test:80'],
		['https', 'echo.test:443'],
	])("is for %s://%s: the scheme's own port says nothing", (scheme, authority) => {
		expect(forPorts([8080], 1)?.({ scheme, authority })).toBe(true)
	})
})

describe('the port that a caller names tells nothing', () => {
	it('about a route that names none', () => {
		expect(forPorts(undefined, 443)).toBe(undefined)
	})

	it('while nobody has said where the mesh listens', () => {
		expect(forPorts([80], undefined)).toBe(undefined)
	})
})

describe('a Service with routes for some of its ports', () => {
	const host = `echo.${DOMAIN}`
	const cursor = { epoch: 'e', sequence: 1 }

	/** The rule that a path of a port meets; '' for the Service itself. */
	function ruleFor(slices: ReturnType<typeof slice>, url: string, namespace?: string): string | undefined {
		const table = createRoutingTable(DOMAIN, () => 0, 'any', 8787)
		const parts = Object.entries({ ...head(host, 'default/echo'), ...slices }).map(([name, body]) => {
			const text = JSON.stringify(body)
			return { name, sequence: 1, revision: 1, hash: text, body: text }
		})
		applyAnswer(table, { cursor, revision: 1, hosts: { [host]: host }, parts })
		const caller = namespace === undefined ? undefined : callerOf(namespace, 'w')
		const exchange = admit(new Request(url), 0, () => 0, '', caller)
		return match(exchange, resolveHost(table, host)!)?.reason ?? exchange.rule?.name
	}

	const web = slice(host, 'web', 'd/s', { prefix: '/web', servicePorts: [80] })
	const admin = slice(host, 'admin', 'd/s', { prefix: '/admin', servicePorts: [9000] })
	const all = slice(host, 'all', 'd/s', { prefix: '/all' })

	it.each([
		['/web', 'default/web/0'],
		[':8787/web', 'default/web/0'],
		[':9000/web', 'no_matching_rule'],
		[':9000/admin', 'default/admin/0'],
		[':8080/web', ''],
		[':8080/admin', ''],
		['/other', 'no_matching_rule'],
	])('is asked for %s: rule "%s"', (rest, rule) => {
		expect(ruleFor({ ...web, ...admin }, `http://${host}${rest}`)).toBe(rule)
	})

	it.each([
		['/web', 'no_matching_rule'],
		['/mine', 'default/mine/0'],
		[':9000/web', 'default/all/0'],
		[':9000/mine', 'default/all/0'],
	])('is asked for %s by a namespace with a route of its own for port 80: rule "%s"', (rest, rule) => {
		const mine = slice(host, 'mine', 'd/s', { prefix: '/mine', servicePorts: [80], callerNamespace: 'shop' })
		const everything = slice(host, 'all', 'd/s')
		expect(ruleFor({ ...everything, ...mine }, `http://${host}${rest}`, 'shop')).toBe(rule)
	})

	it('forwards nothing as usual once a route is for every port', () => {
		expect(ruleFor({ ...web, ...all }, `http://${host}:8080/web`)).toBe('no_matching_rule')
		expect(ruleFor({ ...web, ...all }, `http://${host}:8080/all`)).toBe('default/all/0')
	})
})
