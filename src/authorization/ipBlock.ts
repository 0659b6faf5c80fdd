/** Addresses and CIDR blocks of IPv4 and IPv6 (RFC 4291, RFC 4632), each in one form, so that spelling tells none apart. */

/** Four bytes to a number: one number is IPv4, four are IPv6. An IPv4 address mapped into IPv6 is the IPv4 address. */
export type IpAddress = readonly number[]

export interface IpBlock {
	readonly address: IpAddress
	/** How many of its first bits count. */
	readonly bits: number
}

/** A leading zero is octal to some readers. */
const DECIMAL = /^(?:0|[1-9][0-9]{0,2})$/
const GROUP = /^[0-9a-fA-F]{1,4}$/
/** `::ffff:0:0/96`: where IPv6 keeps the addresses of IPv4 (RFC 4291 §2.5.5.2). */
const MAPPED_BITS = 96

/** Undefined: no address, or one with a zone, which means something on one machine only. */
export function parseAddress(text: string): IpAddress | undefined {
	const words = text.includes(':') ? parseV6(text) : parseV4(text)
	return words !== undefined && isMapped(words) ? words.slice(3) : words
}

/** A block, or an address, which is a block of one. Bits beyond the block's length do not count, as in Envoy. */
export function parseBlock(text: string): IpBlock | undefined {
	const slash = text.indexOf('/')
	const address = slash < 0 ? text : text.slice(0, slash)
	const words = address.includes(':') ? parseV6(address) : parseV4(address)
	if (words === undefined) return undefined
	const length = slash < 0 ? String(words.length * 32) : text.slice(slash + 1)
	const bits = DECIMAL.test(length) ? Number(length) : Number.NaN
	if (!(bits <= words.length * 32)) return undefined
	return isMapped(words) && bits >= MAPPED_BITS
		? { address: words.slice(3), bits: bits - MAPPED_BITS }
		: { address: words, bits }
}

/** What is wrong with a block, as a sentence that says what would be right; undefined when it is one. */
export const checkCidr = (text: string): string | undefined =>
	parseBlock(text) === undefined
		? 'must be an IPv4 or IPv6 address or CIDR block without a zone, e.g. 192.0.2.0/24 or 2001:db8::/32'
		: undefined

/** A block of IPv6 holds no IPv4 address: `::/0` is all of IPv6. */
export function isInBlock({ address: start, bits }: IpBlock, address: IpAddress): boolean {
	if (address.length !== start.length) return false
	for (let i = 0, left = bits; left > 0; i++, left -= 32) {
		const differing = (address[i]! ^ start[i]!) >>> 0
		if (left >= 32 ? differing !== 0 : differing >>> (32 - left) !== 0) return false
	}
	return true
}

/** `0` and `1`, 32 of them to a number: a block holds those that begin as it does, as far as its bits count. */
export const bitsOf = (address: IpAddress): string => address.map((word) => word.toString(2).padStart(32, '0')).join('')

const isMapped = ([first, second, third, fourth]: IpAddress): boolean =>
	fourth !== undefined && first === 0 && second === 0 && third === 0xffff

function parseV4(text: string): IpAddress | undefined {
	const octets = text.split('.', 5)
	if (octets.length !== 4 || !octets.every((octet) => DECIMAL.test(octet) && Number(octet) < 256)) return undefined
	return [octets.reduce((word, octet) => word * 256 + Number(octet), 0)]
}

function parseV6(text: string): IpAddress | undefined {
	const halves = withoutV4(text)?.split('::') ?? []
	const [front = [], back] = halves.map((half) => (half === '' ? [] : half.split(':')))
	const zeros = back === undefined ? 0 : Math.max(1, 8 - front.length - back.length)
	const groups = [...front, ...Array<string>(zeros).fill('0'), ...(back ?? [])]
	if (halves.length > 2 || groups.length !== 8 || !groups.every((group) => GROUP.test(group))) return undefined
	return [0, 2, 4, 6].map((i) => Number.parseInt(groups[i]!, 16) * 0x10000 + Number.parseInt(groups[i + 1]!, 16))
}

/** The last two groups may be written as an IPv4 address. */
function withoutV4(text: string): string | undefined {
	const at = text.lastIndexOf(':') + 1
	if (!text.includes('.', at)) return text
	const [word] = parseV4(text.slice(at)) ?? []
	return word === undefined
		? undefined
		: `${text.slice(0, at)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`
}
