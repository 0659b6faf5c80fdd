/** Where the mesh is, and what its hosts are called. */
import { isInDomain } from '../hosts.ts'
import { meshHost, serviceName } from '../names.ts'

export interface Address {
	/** Of the admin API: an origin without a final `/`. */
	readonly admin: string
	/** `http:` only where the mesh itself is reached so, as on a developer's machine. */
	readonly protocol: string
	/** The mesh domain, which is the trust domain. */
	readonly domain: string
	/** With `:`; empty where it is the scheme's own. */
	readonly port: string
}

/** `mesh`: the URL of the admin API, `https://admin.<mesh domain>`. Another host needs the domain beside it. */
export function addressOf(mesh: string | URL, domain?: string): Address {
	const { origin, protocol, hostname, port } = new URL(mesh)
	if (protocol !== 'https:' && protocol !== 'http:')
		throw new Error(`mesh must be an http or https URL, not ${protocol}`)
	if (domain === undefined && !hostname.startsWith('admin.'))
		throw new Error(
			'mesh must be https://admin.<mesh domain>; where the admin API has another name, give domain as well',
		)
	return {
		admin: origin,
		protocol,
		domain: domain ?? hostname.slice('admin.'.length),
		port: port === '' ? '' : `:${port}`,
	}
}

/** Whether a URL leads into the mesh, over a way as safe as the one to its control plane. */
export function isOfMesh({ protocol, domain }: Address, url: URL, hosts: readonly string[] = []): boolean {
	const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && protocol === 'http:')
	return (
		isSafe &&
		url.username === '' &&
		url.password === '' &&
		(isInDomain(url.hostname, domain) || hosts.includes(url.hostname))
	)
}

/** The origins by which callers may mean a service. The mesh says the first. */
export function originsOf({ protocol, domain, port }: Address, { namespace, name }: Service): string[] {
	const origin = `${protocol}//${meshHost(serviceName(namespace, name), domain)}`
	return port === '' ? [origin] : [origin, origin + port]
}

export interface Service {
	readonly namespace: string
	readonly name: string
}

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** `<namespace>/<name>`, or a name in `default`. */
export function readService(text: string): Service {
	const [first = '', second, extra] = text.split('/')
	const service = second === undefined ? { namespace: 'default', name: first } : { namespace: first, name: second }
	if (extra !== undefined || !LABEL.test(service.namespace) || !LABEL.test(service.name))
		throw new Error(`service must be <namespace>/<name>, each a DNS label, not ${JSON.stringify(text)}`)
	return service
}
