/** The API's description, OpenAPI 3.1, made from the table of routes and the schemas of the resource kinds. */
import { z } from 'zod'
import { jsonSchemas } from '../../src/resources/kinds.ts'
import { problemTypes } from './problem.ts'
import { json } from './reply.ts'
import type { BodyKind, Call, Route } from './route.ts'
import type { Scope } from './scope.ts'

/** JSON Schema objects are made once per isolate: they never change. */
let described: unknown

export function openapi(routes: readonly Route[], { mesh }: Call<unknown, unknown>): Response {
	described ??= describe(routes, mesh.settings.meshDomain)
	return json(described)
}

function describe(routes: readonly Route[], meshDomain: string): unknown {
	const paths: Record<string, Record<string, unknown>> = {}
	for (const route of routes) {
		paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
	}
	return {
		openapi: '3.1.0',
		info: { title: 'Selvedge admin API', version: 'v1', description: `The control plane of the mesh ${meshDomain}.` },
		security: [{ token: [] }],
		paths,
		components: {
			securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
			schemas: { ...jsonSchemas(), Problem: problemSchema },
		},
	}
}

function operation(route: Route): unknown {
	const open = route.role === 'anyone'
	return {
		operationId: operationId(route),
		summary: route.summary,
		description: whoMay(route),
		'x-role': route.role,
		'x-scope': route.scope ?? 'mesh',
		...(open ? { security: [] } : {}),
		parameters: [...parameters(route.params, 'path'), ...parameters(route.query, 'query'), ...conditions(route)],
		...(route.body === undefined
			? {}
			: { requestBody: { required: !route.bodyless, content: content(route.body, route) } }),
		responses: {
			'2XX': { description: 'Done', content: { [route.answers]: {} } },
			default: {
				description: 'A problem (RFC 9457)',
				content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
			},
		},
	}
}

const PROOF = 'Workload-Identity-Token and Workload-Proof-Token'

function whoMay({ role, workloads, scope = 'mesh' }: Route): string {
	if (role === 'anyone') return 'Needs no token.'
	if (role === 'workload') return `Needs the proof of a workload: ${PROOF}.`
	const others = { all: 'any workload', 'own service': 'the workload that has the name of the service' }
	const proof = workloads === undefined ? '' : `, or the proof of ${others[workloads]}: ${PROOF}`
	return `Needs the role ${role}${proof}. ${SCOPES[scope]}`
}

const SCOPES: Readonly<Record<Scope, string>> = {
	namespace: 'Who is limited to namespaces may use it for these.',
	own: 'Who is limited to namespaces sees and changes what is in these.',
	shared: 'The same for all.',
	mesh: 'Not for who is limited to namespaces.',
}

/** `getV1ServicesByNamespaceByName`: unique because method and path are. */
function operationId({ method, path }: Route): string {
	const words = path.replaceAll('{', 'by/').split(/[^A-Za-z0-9]+/)
	const named = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
	return method.toLowerCase() + (named === '' ? 'Root' : named)
}

function parameters(schema: z.ZodObject, where: 'path' | 'query'): unknown[] {
	return Object.entries(schema.shape).map(([name, field]) => {
		const { $schema: _, ...described } = z.toJSONSchema(field as z.ZodType, { io: 'input' })
		return { name, in: where, required: where === 'path', schema: described }
	})
}

/** The conditional headers, on the paths that have entity tags. */
function conditions({ method, path, query }: Route): unknown[] {
	const header = (name: string, description: string): unknown => ({
		name,
		in: 'header',
		required: false,
		description,
		schema: { type: 'string' },
	})
	const hasTag = path.startsWith('/v1/services')
	if (hasTag && 'wait' in query.shape) return [header('If-None-Match', 'Answer 304 while the entity tag is this one')]
	if (!path.startsWith('/v1/resources/') || method === 'GET') return []
	const match = header('If-Match', 'Only if the resource has this entity tag, or exists (*)')
	return [match, header('If-None-Match', 'With *: only if the resource does not exist')]
}

const kindRefs = (kinds: readonly string[] = Object.keys(jsonSchemas())): unknown => ({
	oneOf: kinds.map((kind) => ({ $ref: `#/components/schemas/${kind}` })),
})

const reference = {
	type: 'object',
	required: ['apiVersion', 'kind', 'metadata'],
	properties: {
		apiVersion: { type: 'string' },
		kind: { type: 'string' },
		metadata: {
			type: 'object',
			required: ['name'],
			properties: { name: { type: 'string' }, namespace: { type: 'string', default: 'default' } },
		},
	},
}

function content(body: BodyKind, { takes = 'application/json', kinds }: Pick<Route, 'takes' | 'kinds'>): unknown {
	if (typeof body !== 'string') {
		const { $schema: _, ...schema } = z.toJSONSchema(body, { io: 'input' })
		return { [takes]: { schema } }
	}
	const one = body === 'references' ? reference : kindRefs(kinds)
	const schema = body === 'document' ? one : { oneOf: [one, { type: 'array', items: one }] }
	const of = kinds === undefined ? '' : ` of the kinds ${kinds.join(', ')}`
	const description = body === 'document' ? 'One YAML document' : `YAML documents${of}, separated by ---`
	return { 'application/yaml': { schema: { type: 'string', description } }, 'application/json': { schema } }
}

const problemSchema = {
	type: 'object',
	required: ['type', 'title', 'status', 'detail'],
	properties: {
		type: { type: 'string', format: 'uri', description: `Ends in one of: ${problemTypes.join(', ')}` },
		title: { type: 'string' },
		status: { type: 'integer' },
		detail: { type: 'string' },
		errors: {
			type: 'array',
			items: {
				type: 'object',
				required: ['path', 'message'],
				properties: {
					path: { type: 'string', description: 'The field that is meant, such as spec.rules[0].matches[1].path.value' },
					message: { type: 'string' },
					reason: { type: 'string', description: "Gateway API's reason, such as IncompatibleFilters" },
					document: { type: 'integer', description: '1-based' },
					kind: { type: 'string' },
					namespace: { type: 'string' },
					name: { type: 'string' },
					line: { type: 'integer' },
				},
			},
		},
	},
}
