/** How texts of policies compare with what requests have: slowly, each as its sentence in the specification says. */

export function textMatches(pattern: string, text: string): boolean {
	if (pattern === '*') return true
	if (pattern.startsWith('*')) return ends([...pattern.slice(1)], [...text])
	if (pattern.endsWith('*')) return begins([...pattern.slice(0, -1)], [...text])
	return pattern === text
}

const begins = (start: readonly string[], whole: readonly string[]) => start.every((one, i) => whole[i] === one)
const ends = (end: readonly string[], whole: readonly string[]) =>
	begins(end.toReversed(), whole.toReversed()) && end.length <= whole.length

/** "Ignoring case. With a port they are compared with host and port, without one with the host." */
export function hostMatches(pattern: string, host: string, port: number): boolean {
	const hasPort = /:(\d*\*?)$/.test(pattern.replace(/\[.*\]/, ''))
	return textMatches(pattern.toLowerCase(), hasPort ? `${host}:${port}` : host)
}

/** One unit per character that may stand for itself, and one per byte that must be encoded. */
function units(text: string): string[] {
	const found: string[] = []
	for (let i = 0; i < text.length; ) {
		if (text[i] === '%') {
			const byte = Number.parseInt(text.slice(i + 1, i + 3), 16)
			found.push(unit(byte))
			i += 3
			continue
		}
		const character = String.fromCodePoint(text.codePointAt(i)!)
		if (/[!$&'()*+,;=:@/]/.test(character)) found.push(character)
		else found.push(...Array.from(new TextEncoder().encode(character), unit))
		i += character.length
	}
	return found
}

function unit(byte: number): string {
	const character = String.fromCharCode(byte)
	return byte < 128 && /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16)}`
}

/** The same, for those who see no difference between encoded and not, nor in case. */
function looseUnits(text: string): string[] {
	const bytes = units(text).map((one) => (one.length > 1 ? Number.parseInt(one.slice(1), 16) : one.charCodeAt(0)))
	return [...new TextDecoder().decode(new Uint8Array(bytes))].map((character) => character.toUpperCase())
}

/**
 * "In doubt they refuse: where a match would refuse, case and a final `/` are ignored, because some services ignore them; where a match
 * would admit, they count." And so does, or does not, whether a character is encoded.
 */
export function pathMatches(pattern: string, path: string, refuses: boolean): boolean {
	if (!refuses) return unitsMatch(pattern, units(path), units)
	const other = path === '/' ? path : path.endsWith('/') ? path.slice(0, -1) : `${path}/`
	return [path, other].some((one) => unitsMatch(pattern, looseUnits(one), looseUnits))
}

function unitsMatch(pattern: string, path: readonly string[], split: (text: string) => string[]): boolean {
	if (pattern.includes('{')) return templateMatches(pattern.split(/(\{\*+\})/), path, split)
	if (pattern === '*') return true
	if (pattern.startsWith('*')) return ends(split(pattern.slice(1)), path)
	if (pattern.endsWith('*')) return begins(split(pattern.slice(0, -1)), path)
	const exact = split(pattern)
	return exact.length === path.length && begins(exact, path)
}

/** Tries every length that an operator could stand for. */
function templateMatches(
	[part, ...rest]: readonly string[],
	path: readonly string[],
	split: (text: string) => string[],
): boolean {
	if (part === undefined) return path.length === 0
	if (part === '{*}' || part === '{**}') {
		for (let length = part === '{*}' ? 1 : 0; length <= path.length; length++) {
			if (part === '{*}' && path.slice(0, length).includes('/')) return false
			if (templateMatches(rest, path.slice(length), split)) return true
		}
		return false
	}
	const literal = split(part)
	return begins(literal, path) && templateMatches(rest, path.slice(literal.length), split)
}

/** The bits of an address, `0` and `1`: 32, or 128. */
function bitsOf(address: string): string {
	if (!address.includes(':')) return octets(address)
	const withGroups = address.replace(/[\d.]+\.[\d.]+$/, (v4) => {
		const bits = octets(v4)
		return [bits.slice(0, 16), bits.slice(16)].map((group) => Number.parseInt(group, 2).toString(16)).join(':')
	})
	const [front = '', back] = withGroups.split('::')
	const groups = (text: string) => text.split(':').filter((group) => group !== '')
	const tail = groups(back ?? '')
	const zeros = back === undefined ? 0 : 8 - groups(front).length - tail.length
	const all = [...groups(front), ...Array<string>(zeros).fill('0'), ...tail]
	return all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
}

const octets = (address: string) =>
	address
		.split('.')
		.map((octet) => Number(octet).toString(2).padStart(8, '0'))
		.join('')

const MAPPED = `${'0'.repeat(80)}${'1'.repeat(16)}`

/** A mapped address of IPv4 is one of IPv4; a block of IPv6 has no other addresses of IPv4. */
export function blockHolds(block: string, address: string): boolean {
	const [start, length] = block.split('/')
	const [blockBits, bits] = [bitsOf(start!), bitsOf(address)]
	const fixed = blockBits.slice(0, length === undefined ? blockBits.length : Number(length))
	const v4 = (text: string) => (text.length < 96 ? text : text.startsWith(MAPPED) ? text.slice(96) : undefined)
	const isV4Block = blockBits.length === 32 || (fixed.length >= 96 && fixed.startsWith(MAPPED))
	const v4Bits = v4(bits)
	if (isV4Block) return v4Bits?.startsWith(blockBits.length === 32 ? fixed : fixed.slice(96)) === true
	return v4Bits === undefined && bits.startsWith(fixed)
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

/** "Days, times and offset, of which days and offset may be left out; UTC then." Over midnight: of the day on which it began. */
export function windowHolds(window: string, now: number): boolean {
	const parts = window.split(' ')
	const days = /^\d/.test(parts[0]!) ? 'Sun-Sat' : parts.shift()!
	const [from, to] = parts[0]!.split('-').map(minutesOf)
	const [, sign, ahead] = /^([+-])(.*)$/.exec(parts[1] ?? '+00:00')!
	const local = new Date(now + (sign === '-' ? -1 : 1) * minutesOf(ahead!) * 60_000)
	const time = local.getUTCHours() * 60 + local.getUTCMinutes()
	const isDay = (day: number) => days.split(',').some((range) => daysOf(range).includes(DAYS[(day + 7) % 7]!))
	if (from! < to!) return isDay(local.getUTCDay()) && time >= from! && time < to!
	return time >= from! ? isDay(local.getUTCDay()) : time < to! && isDay(local.getUTCDay() - 1)
}

const minutesOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

function daysOf(range: string): string[] {
	const [first, last = first] = range.split('-')
	const twice = [...DAYS, ...DAYS]
	const start = twice.indexOf(first!)
	return twice.slice(start, twice.indexOf(last!, start) + 1)
}
