/** What a request is taken to say, compared with what `fetch` would send. */
import { describe, expect, it } from 'vitest'
import { admit } from '../../../src/proxy/exchange.ts'
import { seeded } from '../../random.ts'
import { cpuTimeMs } from '../cpuTime.ts'

/** The runtime hands URLs over as the client wrote them; Node's Request would parse them first. */
const asked = (url: string) =>
	admit({ url, method: 'GET', headers: new Headers({ 'x-a': '1' }) } as Request, 5, () => 0)

describe('a request is read as it will be sent', () => {
	it.each([
		// url, authority, host, target, path
		['http://h.test/', 'h.test', 'h.test', '/', '/'],
		['http://h.test/a/b?x=1', 'h.test', 'h.test', '/a/b?x=1', '/a/b'],
		['https://h.test:8443/a', 'h.test:8443', 'h.test', '/a', '/a'],
		['http://h.test', 'h.test', 'h.test', '/', '/'],
		['http://h.test?x=1', 'h.test', 'h.test', '/?x=1', '/'],
		['http://h.test//a//b/', 'h.test', 'h.test', '//a//b/', '//a//b/'],
		['http://h.test/a?b?c=/../d', 'h.test', 'h.test', '/a?b?c=/../d', '/a'],
		['HTTP://H.Test/A', 'h.test', 'h.test', '/A', '/A'],
		['http://h.test/a/../b', 'h.test', 'h.test', '/b', '/b'],
		['http://h.test/a/./b/.', 'h.test', 'h.test', '/a/b/', '/a/b/'],
		['http://h.test/a/%2e%2E/b', 'h.test', 'h.test', '/b', '/b'],
		['http://h.test/a/.%2e/b', 'h.test', 'h.test', '/b', '/b'],
		['http://h.test/a/%2e', 'h.test', 'h.test', '/a/', '/a/'],
		['http://h.test/..?x', 'h.test', 'h.test', '/?x', '/'],
		['http://h.test/a/...', 'h.test', 'h.test', '/a/...', '/a/...'],
		['http://h.test/.well-known/x', 'h.test', 'h.test', '/.well-known/x', '/.well-known/x'],
		['http://h.test/a%2Fb%41', 'h.test', 'h.test', '/a%2Fb%41', '/a%2Fb%41'],
		['http://h.test\\a\\..\\b', 'h.test', 'h.test', '/b', '/b'],
		['http://user:secret@h.test/a', 'h.test', 'h.test', '/a', '/a'],
		['http://[::1]:8080/a', '[::1]:8080', '[::1]', '/a', '/a'],
		['http://[2001:DB8::1]/a', '[2001:db8::1]', '[2001:db8::1]', '/a', '/a'],
		['http://h.test./a', 'h.test.', 'h.test', '/a', '/a'],
		['http://h.test.:80/a', 'h.test.:80', 'h.test', '/a', '/a'],
		['http://127.0.0.1.:80/a', '127.0.0.1.:80', '127.0.0.1', '/a', '/a'],
		['http://bücher.test/', 'xn--bcher-kva.test', 'xn--bcher-kva.test', '/', '/'],
		['http://a_b.test/', 'a_b.test', 'a_b.test', '/', '/'],
		['http://h.test/{a}', 'h.test', 'h.test', '/%7Ba%7D', '/%7Ba%7D'],
		['http://h.test/a"b`c', 'h.test', 'h.test', '/a%22b%60c', '/a%22b%60c'],
		['http://h.test/ü?ü', 'h.test', 'h.test', '/%C3%BC?%C3%BC', '/%C3%BC'],
		["http://h.test/a?b='c'", 'h.test', 'h.test', '/a?b=%27c%27', '/a'],
		['http://h.test/a#b', 'h.test', 'h.test', '/a', '/a'],
		['http://h.test/a b', 'h.test', 'h.test', '/a%20b', '/a%20b'],
	])('%s', (url, authority, host, target, path) => {
		const exchange = asked(url)
		expect({ ...exchange }).toMatchObject({ authority, host, target, path, startedAt: 5, method: 'GET' })
		expect(exchange.scheme).toBe(url.toLowerCase().startsWith('https') ? 'https' : 'http')
	})

	it.each([
		'http://',
		'http://[::1/',
		'http://h.test:99999999/{',
		'http://%zz/',
		'not a url',
		'http://1.2.3.4.5/{',
		'',
	])('%s names no host, so that it is refused', (url) =>
		expect(asked(url)).toMatchObject({ host: '', authority: '', target: '/' }),
	)

	it.each([
		'http://h.test*',
		'http://a,b.test/',
		'http://a;for=b.test/',
		"http://a'b.test/",
		'http://a=b.test/',
		'http://*.test/',
		'http://h.test../',
		'http://h.test..:8080/a',
		'http://h.test..?x',
		'http://h..test/{',
		'http://.h.test/',
		'http://_.h.test../',
		'http://./',
		'http://../a',
		'http://.:8080/',
		'http://127.0.0.1../',
		'http://h.test%2E./',
		'http://h.test。./',
	])('%s names no host that there can be: a wildcard must not match it', (url) =>
		expect(asked(url)).toMatchObject({ host: '', authority: '' }),
	)

	it('reads header fields and the first of equal query parameters', () => {
		const exchange = asked('http://h.test/a?x=1&y=a%20b&x=2')
		expect([exchange.header('X-A'), exchange.header('x-b')]).toEqual(['1', null])
		expect(['x', 'y', 'z'].map(exchange.queryParam)).toEqual(['1', 'a b', null])
		expect(asked('http://h.test/a').queryParam('x')).toBe(null)
	})
})

const SEED = 20_261_122
/** Pieces that make paths interesting, and the characters between which parsers differ. */
const PIECES = [
	'/',
	'.',
	'..',
	'%2e',
	'%2E',
	'%2f',
	'\\',
	'?',
	'#',
	'a',
	'B',
	'%',
	'%41',
	';',
	':',
	'@',
	'&',
	'=',
	'+',
	'~',
]
const ODD = [
	'{',
	'}',
	'"',
	'`',
	'<',
	'>',
	' ',
	'^',
	'|',
	"'",
	'[',
	']',
	'ü',
	'😀',
	'!',
	'$',
	'(',
	')',
	'*',
	',',
	'_',
	'-',
]

describe(`for 20,000 random URLs (seed ${SEED})`, () => {
	const random = seeded(SEED)
	const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)]!
	const odd = () => (random() < 0.15 ? pick(ODD) : pick(PIECES))
	const hosts = ['h.test', 'H.TEST', 'h.test:80', 'h.test:8080', '[::1]', 'u@h.test', 'h.test.', '127.0.0.1']
	const urls = Array.from({ length: 20_000 }, () => {
		const text = Array.from({ length: Math.floor(random() * 12) }, odd).join('')
		return `http://${pick(hosts)}/${text}`
	})

	it('path and query are those that the URL parser makes of them', () => {
		for (const url of urls) {
			const { target, path } = asked(url)
			const parsed = new URL(url)
			// An empty query is sent or not; it means the same.
			expect([target.replace(/^([^?]*)\?$/, '$1'), path], url).toEqual([
				parsed.pathname + parsed.search,
				parsed.pathname,
			])
		}
	})

	it('and appended to an endpoint they come out again unchanged', () => {
		for (const url of urls) {
			const { target } = asked(url)
			expect(new URL(`http://endpoint.test${target}`).href, url).toBe(`http://endpoint.test${target}`)
		}
	})
})

describe('long URLs are read in linear time', () => {
	it.each([
		['plain', '/abc'.repeat(2_000)],
		['slashes', '/'.repeat(8_000)],
		['dots before the end', `${'/...'.repeat(2_000)}/..`],
		['a bad character at the end', `${'/a'.repeat(4_000)}{`],
		['a bad character in the query', `/${'?a=/'.repeat(2_000)}"`],
		['percent signs', '%2'.repeat(4_000)],
	])('%s', (_, text) => {
		const url = `http://h.test/${text}`
		const started = cpuTimeMs()
		for (let i = 0; i < 100; i++) asked(url)
		// A hundred take a few ms; backtracking over 8,000 characters would take minutes.
		expect(cpuTimeMs() - started).toBeLessThan(2_000)
		const { pathname, search } = new URL(url)
		expect(asked(url).target).toBe(pathname + search)
	})

	it.each([
		['labels', 'a.'.repeat(4_000), `${'a.'.repeat(3_999)}a`],
		['one label', 'a'.repeat(8_000), 'a'.repeat(8_000)],
		['an empty label at the end', `${'a.'.repeat(4_000)}.`, ''],
		['a bad character at the end', `${'a.'.repeat(4_000)}*`, ''],
	])('and so are hosts: %s', (_, said, host) => {
		const started = cpuTimeMs()
		for (let i = 0; i < 100; i++) asked(`http://${said}/`)
		expect(cpuTimeMs() - started).toBeLessThan(2_000)
		expect(asked(`http://${said}/`).host).toBe(host)
	})
})
