/** A sample as the request that it was, as far as policies can tell: their own texts are recognised by their digests. */

import { keyText } from '../authorization/accessKey.ts'
import type { AccessRequest, AccessUser } from '../authorization/request.ts'
import { exactOf } from '../authorization/textPattern.ts'
import type { AccessLayers, AccessSample, Digest, SampleBatch, SampledUser } from '../ports.ts'
import type { AccessKey } from '../snapshot/authorization.ts'
import { digester, LABELS } from '../telemetry/accessSample.ts'
import { labelOf, MARK } from './bounds.ts'
import { conditionsOf } from './layers.ts'

/** Texts that policies compare with what is digested, by the label of their digests. */
export type Texts = ReadonlyMap<string, ReadonlySet<string>>

export function textsOf(...all: readonly AccessLayers[]): Texts {
	const texts = new Map<string, Set<string>>()
	const add = (label: string, more: readonly string[]) => {
		const known = texts.get(label) ?? new Set<string>()
		texts.set(label, known)
		for (const text of more) known.add(text)
	}
	for (const { mesh, namespaces, services, rules } of all)
		for (const { access = [], users = [] } of [mesh, ...namespaces.values(), ...services.values(), ...rules.values()]) {
			for (const { issuer, audiences = [] } of users) {
				add(LABELS.issuer, [issuer])
				add(LABELS.audience, audiences)
			}
			for (const { key, values = [], notValues = [] } of access.flatMap((policy) =>
				policy.rules.flatMap(conditionsOf),
			)) {
				const label = labelOf(key)
				if (label !== undefined) add(label, exactOf([...values, ...notValues]))
			}
		}
	return texts
}

/** The text that a digest is of, where it is one of those that policies hold; else one that stands for it. */
export type Recognise = (label: string, digest: Digest) => string

/** `budget`: digests that may be made; undefined when that would take more. */
export async function recogniser(
	{ key, samples }: SampleBatch,
	texts: Texts,
	budget: { left: number },
): Promise<Recognise | undefined> {
	const labels = new Set(samples.flatMap(labelsIn))
	const wanted = [...texts].filter(([label]) => labels.has(label))
	const count = wanted.reduce((sum, [, set]) => sum + set.size, 0)
	if (count > budget.left) return undefined
	budget.left -= count
	const digest = await digester(key)
	const known = new Map<string, string>()
	for (const [label, set] of wanted)
		await Promise.all(Array.from(set, async (text) => known.set(`${label}\n${await digest(label, text)}`, text)))
	return (label, value) => known.get(`${label}\n${value}`) ?? `${MARK}${value}${MARK}`
}

function labelsIn({ headers, user, workloadIssuer, refusedUser }: AccessSample): string[] {
	const others = headers.map(([name]) => LABELS.header(name))
	if (workloadIssuer !== undefined || refusedUser?.issuer !== undefined) others.push(LABELS.issuer)
	if (user === undefined) return others
	return [
		...others,
		LABELS.principal,
		LABELS.audience,
		LABELS.presenter,
		...user.claims.map(([path]) => LABELS.claim(path)),
	]
}

/** `user` as the policies in question leave them. */
export function requestOf(sample: AccessSample, user: SampledUser | undefined, recognise: Recognise): AccessRequest {
	const { at, method, host, port, path, caller, network } = sample
	const headers = new Map(sample.headers)
	return {
		...{ method, host, port, path, caller },
		now: at,
		clientAddress: network.split('/', 1)[0]!,
		header: (name) => {
			const digest = headers.get(name)
			return digest === undefined || digest === null ? null : recognise(LABELS.header(name), digest)
		},
		user: user && accessUser(user, recognise),
	}
}

function accessUser(
	{ issuer, principal, audiences, presenter, claims }: SampledUser,
	recognise: Recognise,
): AccessUser {
	const name = recognise(LABELS.principal, principal)
	return {
		principal: name.startsWith(MARK) ? `${issuer}/${name}` : name,
		audiences: audiences.map((one) => recognise(LABELS.audience, one)),
		...(presenter === undefined ? {} : { presenter: recognise(LABELS.presenter, presenter) }),
		claims: nested(claims.map(([path, values]) => [path, values.map((one) => recognise(LABELS.claim(path), one))])),
		spaceDelimitedClaims: [],
	}
}

type Nested = Record<string, unknown>

function nested(claims: readonly (readonly [path: readonly string[], texts: readonly string[]])[]): Nested {
	// Claims may be called anything, also `__proto__`.
	const empty = (): Nested => Object.create(null) as Nested
	const all = empty()
	for (const [path, texts] of claims) {
		let at = all
		for (const name of path.slice(0, -1)) {
			at[name] ??= empty()
			at = at[name] as Nested
		}
		at[path.at(-1)!] = texts
	}
	return all
}

/** The first of what policies look at that the sample does not say; undefined: it says all, if only as digests. */
export function missingIn(
	{ headers, headersCut, user }: AccessSample,
	looks: readonly AccessKey[],
): string | undefined {
	const found = looks.find((key) => {
		if (key.of === 'header') {
			const field = headers.find(([name]) => name === key.name)
			return field === undefined ? headersCut : field[1] === null
		}
		if (user?.claimsCut !== true) return false
		if (key.of !== 'claim') return key.of === 'audiences'
		const path = JSON.stringify(key.path)
		return !user.claims.some(([other]) => JSON.stringify(other) === path)
	})
	return found && keyText(found)
}
