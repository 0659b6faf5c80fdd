/** Which hosts requests may be sent to. */
import { expect, it } from 'vitest'
import { hasEmptyLabel, isInDomain, isLoopback, unreachable } from '../../src/hosts.ts'

it.each([
	['mesh.test', true],
	['a.mesh.test', true],
	['a.b.mesh.test', true],
	['amesh.test', false],
	['mesh.test.evil.net', false],
	['test', false],
])('%s is below mesh.test: %s', (host, below) => {
	expect(isInDomain(host, 'mesh.test')).toBe(below)
})

it.each([
	['localhost', true],
	['a.localhost', true],
	['127.0.0.1', true],
	['127.255.0.3', true],
	['[::1]', true],
	['128.0.0.1', false],
	['127.0.0.1.example.com', false],
	['notlocalhost', false],
	['localhost.example.com', false],
	['[::ffff:7f00:1]', false],
	['.localhost', false],
	['a..localhost', false],
	['localhost.', false],
])('%s is this machine: %s', (host, loopback) => {
	expect(isLoopback(host)).toBe(loopback)
})

it.each([
	['example.com', false],
	['localhost', false],
	['[::1]', false],
	['.example.com', true],
	['a..example.com', true],
	['example.com.', true],
	['.', true],
])('%s has an empty label: %s', (host, empty) => {
	expect(hasEmptyLabel(host)).toBe(empty)
})

it.each(['127.0.0.1', '169.254.169.254', '[::1]', 'localhost', 'db', 'db.internal', 'printer.local', 'a.localhost'])(
	'%s cannot be reached by the platform',
	(host) => {
		expect(unreachable(host)).toMatch(/^must have a (public )?DNS name/)
	},
)

it.each(['example.com', 'a.internal.example.com', 'local.example', '1.2.3.4.example'])('%s can be reached', (host) => {
	expect(unreachable(host)).toBeUndefined()
})
