/** Whether an end user is one of those whom conditions ask for, where nothing else of the request counts. */
import type { AccessCondition } from '../snapshot/authorization.ts'
import { compileCriterion } from './criterion.ts'
import { factsOf } from './facts.ts'
import type { AccessRequest, AccessUser } from './request.ts'

export type UserTest = (user: AccessUser | undefined) => boolean

/** All conditions must hold, each on what a token says of its user. Of nobody none holds, also where it only names whom it excludes. */
export function compileUserTest(when: readonly AccessCondition[]): UserTest {
	// What the mesh is called matters to keys that are about workloads and hosts.
	const tests = when.map((condition) => compileCriterion(condition, 'ALLOW', '').test)
	return (user) => {
		if (user === undefined) return false
		const facts = factsOf({ ...ANY_REQUEST, user })
		return tests.every((test) => test(facts))
	}
}

const ANY_REQUEST: AccessRequest = {
	...{ method: '', host: '', port: 0, path: '', clientAddress: '', now: 0 },
	header: () => null,
}
