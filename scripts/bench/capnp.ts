/** A configuration of plain `workerd serve` as Cap'n Proto text: Workers, their objects and their sockets, nothing else. */

export interface ObjectBinding {
	readonly binding: string
	readonly className: string
	/** The Worker that hosts the class. */
	readonly service: string
}

export interface WorkerService {
	readonly name: string
	/** Path of the one ES module, relative to the configuration. */
	readonly module: string
	readonly compatibilityDate: string
	readonly compatibilityFlags: readonly string[]
	readonly text: Readonly<Record<string, string>>
	readonly objects: readonly ObjectBinding[]
	/** Durable Object classes that live in this Worker. */
	readonly classes: readonly string[]
}

export interface ServerConfig {
	readonly services: readonly WorkerService[]
	/** Each socket takes a free port on loopback; workerd says which. */
	readonly sockets: readonly { readonly name: string; readonly service: string }[]
	/** Directory for the objects' databases. */
	readonly stateDirectory: string
}

/** The text of the configuration. Source: workerd.capnp of the pinned workerd package. */
export function capnpConfig(config: ServerConfig): string {
	const services = [
		...config.services.map((service) => `    (name = ${text(service.name)}, worker = ${worker(service)}),`),
		`    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),`,
		`    (name = "state", disk = (path = ${text(config.stateDirectory)}, writable = true)),`,
	]
	const sockets = config.sockets.map(
		({ name, service }) =>
			`    (name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(service)}),`,
	)
	return [
		'using Workerd = import "/workerd/workerd.capnp";',
		'const config :Workerd.Config = (',
		'  services = [',
		...services,
		'  ],',
		'  sockets = [',
		...sockets,
		'  ],',
		');',
		'',
	].join('\n')
}

function worker(service: WorkerService): string {
	const bindings = [
		...Object.entries(service.text).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
		...service.objects.map(
			(object) =>
				`(name = ${text(object.binding)}, durableObjectNamespace = ` +
				`(className = ${text(object.className)}, serviceName = ${text(object.service)}))`,
		),
	]
	const classes = service.classes.map(
		(name) => `(className = ${text(name)}, uniqueKey = ${text(`${service.name}-${name}`)}, enableSql = true)`,
	)
	return [
		'(',
		`modules = [(name = "worker.js", esModule = embed ${text(service.module)})], `,
		`compatibilityDate = ${text(service.compatibilityDate)}, `,
		`compatibilityFlags = [${service.compatibilityFlags.map(text).join(', ')}], `,
		`bindings = [${bindings.join(', ')}], `,
		classes.length === 0 ? '' : `durableObjectNamespaces = [${classes.join(', ')}], `,
		classes.length === 0 ? '' : 'durableObjectStorage = (localDisk = "state")',
		')',
	].join('')
}

const text = (value: string): string => JSON.stringify(value)
