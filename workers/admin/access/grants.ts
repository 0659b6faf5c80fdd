/** What somebody who passed Cloudflare Access may do here: as the AdminAccess documents say, and nothing where none does. */
import type { Page, Principal, Role, StoredResource } from '../../../src/ports.ts'
import type { AdminAccess } from '../../../src/resources/adminAccess.ts'
import type { Mesh } from '../mesh.ts'
import { remembered } from '../remembered.ts'
import { inLowerCase, type Login } from './login.ts'

const PAGE = 500

async function readGrants(mesh: Mesh): Promise<readonly AdminAccess[]> {
	const grants: AdminAccess[] = []
	let after: string | undefined
	do {
		const options = { limit: PAGE, ...(after === undefined ? {} : { after }) }
		const page: Page<StoredResource> = await mesh.policyStore().list('AdminAccess', options)
		grants.push(...page.items.map(({ resource }) => resource as AdminAccess))
		after = page.next
	} while (after !== undefined)
	return grants
}

/** As they were at most a second ago: what is taken back ends everywhere by then. */
export const grantsOf = remembered(readGrants)

/** Highest first. */
const ROLES: readonly Role[] = ['admin', 'operator', 'viewer']

/** Of the grants that fit, those of the highest role count together. */
export function principalOf(login: Login, grants: readonly AdminAccess[]): Principal | undefined {
	const fitting = grants.filter(({ spec }) => spec.subjects.some((subject) => fits(subject, login)))
	const role = ROLES.find((each) => fitting.some(({ spec }) => spec.role === each))
	if (role === undefined) return undefined
	const limits = fitting.flatMap(({ spec }) => (spec.role === role ? [spec.namespaces] : []))
	const principal = { token: '', name: login.name, role }
	if (limits.includes(undefined)) return principal
	return { ...principal, namespaces: [...new Set(limits.flatMap((namespaces) => namespaces ?? []))].sort() }
}

type Subject = AdminAccess['spec']['subjects'][number]

function fits({ email, emailDomain, group, serviceToken }: Subject, login: Login): boolean {
	if (email !== undefined) return login.email === inLowerCase(email)
	if (emailDomain !== undefined) return login.email?.slice(login.email.lastIndexOf('@') + 1) === emailDomain
	if (group !== undefined) return login.groups.includes(group)
	return serviceToken !== undefined && login.serviceToken === serviceToken
}
