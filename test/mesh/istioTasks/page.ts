/** A task page of Istio's documentation as a table: what its reader applies and sends, and what they should see. */
import { service } from '../documents.ts'

export interface Page {
	/** Where its requests go, unless a row says otherwise: a host, of which a Service's is said without the mesh's domain. */
	readonly host: string
	/** Stands before its first step. */
	readonly deploys: readonly object[]
	readonly steps: readonly Step[]
}

export interface Step {
	readonly says: string
	readonly deletes?: readonly object[]
	readonly applies?: readonly object[]
	/** Once all of that is in force, one after the other. */
	readonly sees: readonly Row[]
	/** What else its reader is to look at, after that. */
	readonly tells?: () => Promise<void>
}

export interface Row {
	/** `GET /headers` */
	readonly curl: string
	readonly host?: string
	/** `<namespace>/<workload>`; nobody unless said. */
	readonly from?: string
	readonly headers?: Readonly<Record<string, string>>
	/** In `Authorization: Bearer`, as it is, or by these claims beside `iss` and `sub`. */
	readonly bearer?: string | Readonly<Record<string, unknown>>
	/** Of a token made of claims; negative is past. An hour unless said. */
	readonly expiresInSeconds?: number
	/** The status; of a refusal `403 access_denied`, and `403 access_denied by foo/deny` where a policy is behind it. */
	readonly answer: string
	readonly body?: string
	/** Fields as the service gets them, every value. */
	readonly receives?: Readonly<Record<string, readonly string[]>>
}

const SECURITY = 'security.istio.io/'
export const API = { apiVersion: `${SECURITY}v1` }
export const BETA_API = { apiVersion: `${SECURITY}v1beta1` }

export const HTTPBIN = { selector: { matchLabels: { app: 'httpbin' } } }

/** A Service with the label `app`, as Istio's samples have it. */
export function deployed(app: string, namespace: string, url: string): object {
	const { metadata, ...rest } = service(app, url, namespace)
	return { ...rest, metadata: { ...metadata, labels: { app } } }
}

export const authorizationPolicy = (name: string, namespace: string, spec: object, more: object = API): object => ({
	...{ kind: 'AuthorizationPolicy', metadata: { name, namespace }, spec },
	...more,
})

export const paths = (...all: string[]) => ({ to: [{ operation: { paths: all } }] })
export const methods = (...all: string[]) => ({ to: [{ operation: { methods: all } }] })
export const source = (one: object) => ({ from: [{ source: one }] })
