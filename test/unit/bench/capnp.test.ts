/** The configuration that workerd is given. */
import { expect, test } from 'vitest'
import { capnpConfig, type WorkerService } from '../../../scripts/bench/capnp.ts'

const service: WorkerService = {
	name: 'proxy',
	module: 'proxy.js',
	compatibilityDate: '2026-10-20',
	compatibilityFlags: ['some_flag'],
	text: { GREETING: 'say "hi"\n' },
	objects: [{ binding: 'STORE', className: 'Store', service: 'admin' }],
	classes: [],
}
const config = (service: WorkerService): string =>
	capnpConfig({ services: [service], sockets: [{ name: 'http', service: service.name }], stateDirectory: '/tmp/s' })

test('sockets listen on loopback only', () => {
	const addresses = [...config(service).matchAll(/address = "([^"]*)"/g)].map(([, address]) => address)
	expect(addresses).toEqual(['127.0.0.1:0'])
})

test('a variable cannot break out of its quotes', () => {
	expect(config(service)).toContain(String.raw`text = "say \"hi\"\n"`)
})

test('an object is reached in the Worker that hosts its class', () => {
	expect(config(service)).toContain('durableObjectNamespace = (className = "Store", serviceName = "admin")')
})

test('only a Worker that hosts classes has storage', () => {
	expect(config(service)).not.toContain('durableObjectStorage')
	expect(config({ ...service, classes: ['Store'] })).toContain(
		'durableObjectNamespaces = [(className = "Store", uniqueKey = "proxy-Store", enableSql = true)], durableObjectStorage',
	)
})
