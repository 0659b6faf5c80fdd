/** What a row of the API's table says: where it answers, for whom, what it accepts, and what it does. */
import type { z } from 'zod'
import type { Principal, Role } from '../../src/ports.ts'
import { nothing } from './input.ts'
import type { ProvenWorkload } from './joining/workloadProof.ts'
import type { Mesh } from './mesh.ts'
import type { Scope } from './scope.ts'

/** One admitted request, its parameters checked. */
export interface Call<P, Q> {
	readonly request: Request
	readonly params: P
	readonly query: Q
	readonly principal: Principal
	/** Whether the principal came by a login of Cloudflare Access. */
	readonly byLogin?: boolean
	/** Who asks, when it is a workload that has proven who it is: `principal` then has its name, and no token. */
	readonly workload?: ProvenWorkload
	readonly mesh: Mesh
	/** Forgets remembered tokens: one was revoked. */
	forgetTokens(): void
}

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** `workload` is below every role of a token. */
export type Access = Role | 'workload' | 'anyone'

/** What a request's body is, for OpenAPI; handlers read and check it themselves. */
export type BodyKind = 'documents' | 'document' | 'references' | z.ZodType

export interface Route {
	readonly method: Method
	/** With parameters as OpenAPI writes them: `/v1/resources/{kind}`. */
	readonly path: string
	/** The least role that may; `workload` needs a proof, and `anyone` no token. */
	readonly role: Access
	/** What those may who are limited to namespaces. A row without it is not for them. */
	readonly scope?: Scope
	/** Workloads that prove who they are may too: all of them, or for the service of their own name only. */
	readonly workloads?: 'all' | 'own service'
	readonly summary: string
	readonly params: z.ZodObject
	readonly query: z.ZodObject
	readonly body?: BodyKind
	/** Of a body of documents: the kinds that are taken. All unless said. */
	readonly kinds?: readonly string[]
	/** Whether the query alone may do. */
	readonly bodyless?: true
	/** Media type of a body that has a schema; JSON unless said. */
	readonly takes?: string
	/** Media type of the good answer. */
	readonly answers: string
	handle(call: Call<never, never>): Promise<Response>
}

interface Row<P extends z.ZodObject, Q extends z.ZodObject> {
	readonly role: Access
	readonly scope?: Scope
	readonly workloads?: 'all' | 'own service'
	readonly summary: string
	readonly params?: P
	readonly query?: Q
	readonly body?: BodyKind
	readonly kinds?: readonly string[]
	readonly bodyless?: true
	readonly takes?: string
	readonly answers?: string
	readonly handle: (call: Call<z.output<P>, z.output<Q>>) => Promise<Response>
}

const ranks: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 }

/** Whether a role may do what needs another: each role may all that the ones below it may. */
export const mayDo = (role: Role, needed: Access): boolean => needed in ranks && ranks[role] >= ranks[needed as Role]

/** A row of the table, with the handler's parameters typed by the row's own schemas. */
export function route<P extends z.ZodObject, Q extends z.ZodObject>(
	method: Method,
	path: string,
	row: Row<P, Q>,
): Route {
	return { answers: 'application/json', params: nothing, query: nothing, ...row, method, path }
}
