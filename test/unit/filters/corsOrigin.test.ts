/** Which origins a CORS filter allows: exact ones, wildcards, and how an origin may be written. */
import { describe, expect, it } from 'vitest'
import { compileOrigins } from '../../../src/filters/corsOrigin.ts'
import { seeded } from '../../random.ts'

describe('an origin', () => {
	it.each([
		['https://www.foo.com', 'https://www.foo.com', true],
		['https://www.foo.com', 'HTTPS://WWW.Foo.com', true],
		['HTTPS://WWW.Foo.com', 'https://www.foo.com', true],
		['https://www.foo.com', 'http://www.foo.com', false],
		['https://www.foo.com', 'https://foo.com', false],
		['https://www.foo.com', 'https://www.foo.com.evil.test', false],
		['https://www.foo.com', 'https://www.foo.com:443', true],
		['https://www.foo.com:443', 'https://www.foo.com', true],
		['http://www.foo.com', 'http://www.foo.com:80', true],
		['https://www.foo.com', 'https://www.foo.com:80', false],
		['https://www.foo.com', 'https://www.foo.com:8443', false],
		['https://www.foo.com:8443', 'https://www.foo.com:8443', true],
		['https://*.bar.com', 'https://www.bar.com', true],
		['https://*.bar.com', 'https://xpto.www.bar.com', true],
		['https://*.bar.com', 'https://WWW.BAR.COM', true],
		['https://*.bar.com', 'https://www.bar.com:443', true],
		['https://*.bar.com', 'https://bar.com', false],
		['https://*.bar.com', 'https://.bar.com', false],
		['https://*.bar.com', 'https://foobar.com', false],
		['https://*.bar.com', 'http://www.bar.com', false],
		['https://*.bar.com', 'https://www.bar.com:8443', false],
		['https://*.bar.com', 'https://www.bar.com.evil.test', false],
		['https://*.bar.com', 'https://evil.test/.bar.com', false],
		['https://*.bar.com', 'https://evil.test:1@.bar.com', false],
		['https://*.bar.com', 'https://evil.test?.bar.com', false],
		['https://*.bar.com', 'https://evil.test .bar.com', false],
		['https://*.bar.com:8443', 'https://www.bar.com:8443', true],
		['https://*.bar.com:8443', 'https://www.bar.com', false],
		['https://*', 'https://anything.test', true],
		['https://*', 'https://[::1]', true],
		['https://*', 'https://anything.test:8443', false],
		['https://*', 'https://[::1]:8443', false],
		['https://*', 'https://', false],
		['https://*:8443', 'https://anything.test:8443', true],
		['https://*:8443', 'https://anything.test', false],
		['https://*.*.com', 'https://a.b.com', false],
		['*', 'https://anything.test:1', true],
		['*', 'null', true],
		['https://*', 'null', false],
		['https://www.foo.com', '', false],
	])('%s allows %s: %s', (allowed, origin, expected) => {
		expect(compileOrigins([allowed])(origin)).toBe(expected)
		expect(compileOrigins(['https://x.test', allowed, 'https://*.y.test'])(origin)).toBe(expected)
	})

	it('is allowed by nothing when nothing is', () => expect(compileOrigins([])('https://a.test')).toBe(false))

	it('below a wildcard is allowed exactly when a slow reader of labels says so', () => {
		for (let seed = 1; seed <= 5_000; seed++) {
			const random = seeded(seed)
			const labels = (n: number) => Array.from({ length: n }, () => 'ab'[Math.floor(random() * 2)]!).join('.')
			const [suffix, host] = [labels(1 + Math.floor(random() * 2)), labels(1 + Math.floor(random() * 4))]
			const [have, want] = [host.split('.'), suffix.split('.')]
			const isBelow = have.length > want.length && have.slice(-want.length).join() === want.join()
			const where = `seed ${seed}: *.${suffix} and ${host}`
			expect(compileOrigins([`https://*.${suffix}`])(`https://${host}`), where).toBe(isBelow)
		}
	})
})
