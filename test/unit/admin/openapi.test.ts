/** The API's description says of every route what the table says. */
import { describe, expect, it } from 'vitest'
import { kinds } from '../../../src/resources/kinds.ts'
import { routes } from '../../../workers/admin/routes.ts'
import { asker, createWorld, meshOf } from './fakeMesh.ts'

interface Operation {
	operationId: string
	'x-role': string
	parameters: { name: string; in: string; required: boolean }[]
	requestBody?: { required: boolean; content: object }
}
type Described = { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: object } }

const read = async (): Promise<Described> =>
	(await (await asker(meshOf(await createWorld()))('GET', '/openapi.json')).json()) as Described

describe('openapi', () => {
	it('describes every route, and nothing else', async () => {
		const { paths, openapi } = await read()
		const described = Object.entries(paths).flatMap(([path, methods]) =>
			Object.keys(methods).map((method) => `${method} ${path}`),
		)
		expect(openapi).toBe('3.1.0')
		expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method.toLowerCase()} ${path}`).sort())
	})

	it.each(routes)('$method $path: its role, its path parameters, its query, whether it has a body', async (route) => {
		const operation = (await read()).paths[route.path]?.[route.method.toLowerCase()] as Operation
		const named = (where: string) =>
			operation.parameters.filter((parameter) => parameter.in === where).map(({ name }) => name)
		expect(operation['x-role']).toBe(route.role)
		expect(named('path').sort()).toEqual(Array.from(route.path.matchAll(/\{(\w+)\}/g), ([, name]) => name).sort())
		expect(named('query')).toEqual(Object.keys(route.query.shape))
		expect(operation.requestBody !== undefined).toBe(route.body !== undefined)
	})

	it('says of a replay which kinds it takes, and that the query alone may do', async () => {
		const { paths } = await read()
		const { requestBody } = paths['/v1/authorization/replay']!.post!
		const refs = Array.from(JSON.stringify(requestBody).matchAll(/schemas\/(\w+)/g), ([, kind]) => kind)
		expect(requestBody!.required).toBe(false)
		expect([...new Set(refs)]).toEqual(['AuthorizationPolicy', 'RequestAuthentication', 'Mesh'])
		expect(paths['/v1/apply']!.post!.requestBody!.required).toBe(true)
	})

	it('gives every operation an id of its own', async () => {
		const ids = Object.values((await read()).paths).flatMap((methods) =>
			Object.values(methods).map(({ operationId }) => operationId),
		)
		expect(new Set(ids).size).toBe(routes.length)
	})

	it('has a schema for every kind, and refers to nothing that it does not have', async () => {
		const described = await read()
		expect(Object.keys(described.components.schemas)).toEqual([...kinds.map(({ kind }) => kind), 'Problem'])
		for (const [, name] of JSON.stringify(described).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
			expect(described.components.schemas).toHaveProperty(name as string)
		}
		expect(JSON.stringify(described)).not.toContain('"$ref":"#/$defs')
	})
})
