/** Layers of many policies that look for one kind of thing each: wildcards, templates and blocks, cut out of what requests have. */
import { checkPathPattern } from '../../src/authorization/pathPattern.ts'
import type { AccessRequest } from '../../src/authorization/request.ts'
import type { AccessOperation, AccessPolicies, AccessRule, AccessSource } from '../../src/snapshot/authorization.ts'
import { pick, type Random, randomLayers, randomPolicy, randomRequest } from './authorizationCases.ts'

/** Of the worlds, this share has a crowd. */
const CROWDED = 0.1
const MOST_POLICIES = 60

/** Layers of policies; now and then one of them is a crowd. */
export function randomWorld(random: Random): AccessPolicies[] {
	const layers = randomLayers(random)
	return random() < CROWDED ? [...layers, randomCrowd(random)] : layers
}

function randomCrowd(random: Random): AccessPolicies {
	const like = randomPolicy(random, '')
	return Array.from({ length: Math.ceil(random() * MOST_POLICIES) }, (_, i) => ({
		...like,
		name: `crowd/p${i}`,
		rules: [randomRule(random)],
	}))
}

function randomRule(random: Random): AccessRule {
	const request = randomRequest(random)
	const rules: readonly (() => AccessRule)[] = [
		() => ({ from: [randomSource(random, request)] }),
		() => ({ to: [randomOperation(random, request)] }),
		() => ({ to: [randomOperation(random, request), randomOperation(random, request)] }),
		() => ({ from: [randomSource(random, request)], to: [randomOperation(random, request)] }),
		() => ({
			when: [{ key: { of: 'header', name: 'x-version' }, values: [wild(random, request.header('x-version'))] }],
		}),
		() => ({ when: [{ key: { of: 'claim', path: ['scope'] }, values: [wild(random, 'reader admin')] }] }),
	]
	return pick(random, rules)()
}

function randomSource(random: Random, { caller, user, clientAddress }: AccessRequest): AccessSource {
	const id = caller?.spiffeId.slice('spiffe://'.length)
	const sources: readonly (() => AccessSource)[] = [
		() => ({ principals: [wild(random, id).replace(/^mesh\.example(?=\/)/, pick(random, ['cluster.local', '$&']))] }),
		() => ({ principals: [wild(random, id), wild(random, id)] }),
		() => ({ requestPrincipals: [wild(random, user?.principal)] }),
		() => ({ ipBlocks: [block(random, clientAddress)] }),
		() => ({ ipBlocks: [block(random, clientAddress), block(random, '2001:db8:0:1::5')] }),
	]
	return pick(random, sources)()
}

function randomOperation(random: Random, { host, port, path }: AccessRequest): AccessOperation {
	const operations: readonly (() => AccessOperation)[] = [
		() => ({ hosts: [wild(random, pick(random, [host, host.toUpperCase(), `${host}:${port}`]))] }),
		() => ({ paths: [wildPath(random, path)] }),
		() => ({ paths: [wildPath(random, path), wildPath(random, path)] }),
		() => ({ methods: ['GET', 'POST'], paths: [wildPath(random, path)] }),
	]
	return pick(random, operations)()
}

/** A beginning or an end of the text, or all of it; most are of some other text. */
function wild(random: Random, text: string | null | undefined): string {
	const own = text ?? 'nothing'
	const length = Math.floor(random() * (own.length + 1))
	const [start, end] = [own.slice(0, length), own.slice(own.length - length)]
	return pick(random, [own, `${start}*`, `*${end}`, `${start}z*`, `${start}y*`, `*z${end}`, `*y${end}`, `${own}z`])
}

function wildPath(random: Random, path: string): string {
	const text = random() < 0.4 ? template(random, path) : wild(random, path)
	const cased = random() < 0.2 ? text.toUpperCase() : text
	return checkPathPattern(cased) === undefined ? cased : path
}

/** Of the path's segments some stay, some are operators, some are others. */
function template(random: Random, path: string): string {
	const segments = path
		.slice(1)
		.split('/')
		.map((segment) => pick(random, [segment, segment, '{*}', `${segment}z`]))
	const some = segments.slice(0, Math.ceil(random() * segments.length))
	return `/${pick(random, [segments, segments, [...segments, '{*}'], [...some, '{**}']]).join('/')}`
}

function block(random: Random, address: string): string {
	const own = address === '' ? '10.0.0.1' : address
	const start = random() < 0.5 ? own : own.replace(/\d(?=\D*$)/, '9').replace(/^\d+\./, '11.')
	return `${start}/${Math.floor(random() * ((own.includes(':') ? 128 : 32) + 1))}`
}
