/** A mesh started as users start it, given one YAML page with every way to handle traffic, and asked with curl. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { send } from '../../scripts/local/http.ts'
import { type Backend, type Echoed, startBackend, valuesOf } from '../mesh/backend.ts'
import { call, eventually } from '../mesh/client.ts'
import { runCurl } from './curl.ts'
import { freePort, ready, SILENCE_MS, type Started, start, stopped, TOKEN } from './mesh.ts'

const HOST = 'traffic.localhost'

const page = (v1: string, v2: string, copies: string) => `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: traffic }
spec:
  gatewayClassName: selvedge
  listeners: [{ name: http, hostname: ${HOST}, port: 80, protocol: HTTP }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: traffic }
spec:
  parentRefs: [{ name: traffic }]
  rules:
    - name: headers
      matches: [{ path: { value: /headers } }]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set: [{ name: X-Set, value: by the rule }]
            remove: [X-Secret]
        - type: ResponseHeaderModifier
          responseHeaderModifier:
            add: [{ name: X-Answer, value: by the rule }]
      backendRefs:
        - name: v1
          port: 80
          filters:
            - type: RequestHeaderModifier
              requestHeaderModifier:
                add: [{ name: X-Backend, value: v1 }]
    - name: redirect
      matches: [{ path: { value: /redirect } }]
      filters:
        - type: RequestRedirect
          requestRedirect:
            scheme: https
            hostname: elsewhere.example.com
            path: { type: ReplacePrefixMatch, replacePrefixMatch: /new }
            statusCode: 301
    - name: rewrite
      matches: [{ path: { value: /rewrite } }]
      filters:
        - type: URLRewrite
          urlRewrite:
            hostname: inner.example.com
            path: { type: ReplacePrefixMatch, replacePrefixMatch: /new }
      backendRefs: [{ name: v1, port: 80 }]
    - name: mirror
      matches: [{ path: { value: /mirror } }]
      filters:
        - type: RequestMirror
          requestMirror: { backendRef: { name: copies, port: 80 }, percent: 100 }
      backendRefs: [{ name: v1, port: 80 }]
    - name: cors
      matches: [{ path: { value: /cors } }]
      filters:
        - type: CORS
          cors:
            allowOrigins: ["https://*.example.com"]
            allowMethods: [PUT]
            allowCredentials: true
      backendRefs: [{ name: v1, port: 80 }]
    - name: timeout
      matches: [{ path: { value: /slow } }]
      timeouts: { request: 300ms }
      backendRefs: [{ name: v1, port: 80 }]
    - name: retry
      matches: [{ path: { value: /fails-once } }]
      filters:
        - type: ExtensionRef
          extensionRef: { group: selvedge.dev, kind: RetryPolicy, name: posts-too }
      retry: { codes: [503], attempts: 2, backoff: 10ms }
      backendRefs: [{ name: v1, port: 80 }]
    - name: session
      matches: [{ path: { value: /session } }]
      sessionPersistence: { sessionName: stay }
      backendRefs: [{ name: v1, port: 80 }, { name: v2, port: 80 }]
    - name: fault
      matches: [{ path: { value: /fault } }]
      filters:
        - type: ExtensionRef
          extensionRef: { group: selvedge.dev, kind: FaultInjection, name: teapot }
      backendRefs: [{ name: v1, port: 80 }]
    - name: direct
      matches: [{ path: { value: /direct } }]
      filters:
        - type: ExtensionRef
          extensionRef: { group: selvedge.dev, kind: DirectResponse, name: maintenance }
    - name: nobody-yet
      matches: [{ path: { value: /split } }]
      filters:
        - type: ExtensionRef
          extensionRef: { group: selvedge.dev, kind: TrafficMatch, name: nobody }
      backendRefs: [{ name: v2, port: 80 }]
    - name: weights
      matches: [{ path: { value: /split } }]
      backendRefs: [{ name: v1, port: 80, weight: 1 }, { name: v2, port: 80, weight: 0 }]
---
apiVersion: selvedge.dev/v1
kind: RetryPolicy
metadata: { name: posts-too }
spec: { methods: [POST] }
---
apiVersion: selvedge.dev/v1
kind: FaultInjection
metadata: { name: teapot }
spec:
  matches: [{ headers: [{ name: x-fault, value: "yes" }] }]
  delay: { fixedDelay: 50ms }
  abort: { httpStatus: 418, percent: 100 }
---
apiVersion: selvedge.dev/v1
kind: DirectResponse
metadata: { name: maintenance }
spec: { statusCode: 200, contentType: application/json, body: '{"closed": true}' }
---
apiVersion: selvedge.dev/v1
kind: TrafficMatch
metadata: { name: nobody }
spec: { percent: 0 }
---
${[
	['v1', v1],
	['v2', v2],
	['copies', copies],
]
	.map(
		([name, url]) => `apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: ${name} }
spec: { endpoints: [{ url: '${url}' }] }
`,
	)
	.join('---\n')}`

let state: string
let port: number
let mesh: Started
let backend: Backend
/** What the services were asked, in order: `<service> <method> <path>`. */
let asked: string[] = []

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		const { method, rawHeaders } = request
		const [, service = '', ...rest] = (request.url ?? '').split('/')
		const url = `/${rest.join('/')}`
		const isFirst = asked.push(`${service} ${method} ${url}`) === 1
		if (url === '/slow') return
		if (url === '/fails-once' && isFirst) response.statusCode = 503
		response.setHeader('content-type', 'application/json').end(JSON.stringify({ service, method, url, rawHeaders }))
	})
	state = mkdtempSync(join(tmpdir(), 'selvedge-traffic-'))
	port = await freePort()
	mesh = start(['--port', String(port), '--state', state, '--no-demo', '--admin-token', TOKEN])
	await ready(mesh)
	const body = page(...(['v1', 'v2', 'copies'].map((name) => `${backend.url}/${name}`) as [string, string, string]))
	const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/yaml' }
	const to = { port, host: 'admin.mesh.localhost', path: '/v1/apply', timeoutMs: SILENCE_MS }
	const applied = await send({ ...to, method: 'POST', headers, body })
	expect(applied.status, applied.body).toBe(200)
	const { results } = JSON.parse(applied.body) as { results: { kind: string; conditions?: { status: string }[] }[] }
	for (const { kind, conditions = [] } of results)
		expect(
			conditions.map(({ status }) => status),
			kind,
		).not.toContain('False')
})
afterAll(async () => {
	if (mesh !== undefined) await stopped(mesh, 'SIGTERM')
	await backend?.stop()
	rmSync(state, { recursive: true, force: true })
})

type Reply = Echoed & { readonly service: string; readonly closed?: boolean }
const curl = async (path: string, field = 'x-any: 1') =>
	JSON.parse(await runCurl(`curl -H '${field}' 'http://${HOST}:${port}${path}'`)) as Reply
/** For what curl says only with options: status, fields, other methods. */
const ask = (path: string, method = 'GET', headers: Record<string, string> = {}) =>
	call({ port, host: `${HOST}:${port}`, path, method, headers })

test('header modifiers of rule and backend, in both directions', async () => {
	const { rawHeaders } = await curl('/headers', 'X-SECRET: 42')
	const [set, secret, own] = ['x-set', 'x-secret', 'x-backend'].map((name) => valuesOf(rawHeaders, name))
	expect([set, secret, own]).toEqual([['by the rule'], [], ['v1']])
	expect((await ask('/headers')).headers['x-answer']).toBe('by the rule')
})

test('a redirect', async () => {
	const { status, headers } = await ask('/redirect/a?b=c')
	expect([status, headers.location]).toEqual([301, 'https://elsewhere.example.com/new/a?b=c'])
})

test('a rewrite of host and prefix', async () => {
	const { url, rawHeaders } = await curl('/rewrite/a')
	expect(url).toBe('/new/a')
	expect(valuesOf(rawHeaders, 'x-forwarded-host')).toEqual(['inner.example.com'])
})

test('a mirror', async () => {
	asked = []
	expect((await curl('/mirror/a')).service).toBe('v1')
	await eventually(
		async () => asked,
		(services) => services.includes('copies GET /mirror/a'),
	)
})

test('CORS: a preflight that is answered, a request that may be read, and one that may not', async () => {
	asked = []
	const origin = 'https://shop.example.com'
	const preflight = await ask('/cors', 'OPTIONS', { origin, 'access-control-request-method': 'PUT' })
	expect([preflight.status, preflight.headers['access-control-allow-origin'], asked]).toEqual([204, origin, []])
	expect(preflight.headers['access-control-allow-methods']).toBe('PUT')
	const read = await ask('/cors', 'PUT', { origin })
	expect(read.headers).toMatchObject({
		'access-control-allow-origin': origin,
		'access-control-allow-credentials': 'true',
	})
	const other = await ask('/cors', 'PUT', { origin: 'https://example.org' })
	expect([other.status, other.headers['access-control-allow-origin']]).toEqual([200, undefined])
})

test('a timeout', async () => {
	const { status, text } = await ask('/slow')
	expect([status, JSON.parse(text).reason]).toEqual([504, 'request_timeout'])
})

test('a retry, also of POST where a RetryPolicy says so', async () => {
	for (const method of ['GET', 'POST']) {
		asked = []
		expect((await ask('/fails-once', method)).status).toBe(200)
		expect(asked).toEqual([`v1 ${method} /fails-once`, `v1 ${method} /fails-once`])
	}
})

test('a session, which curl keeps by sending the cookie back', async () => {
	for (let client = 0; client < 4; client++) {
		const first = await ask('/session')
		const [cookie] = first.headers['set-cookie'] ?? []
		const { service } = JSON.parse(first.text) as Reply
		for (let i = 0; i < 5; i++)
			expect((await curl('/session', `Cookie: ${cookie?.split(';')[0]}`)).service).toBe(service)
	}
})

test('a fault for those who ask for it', async () => {
	expect((await curl('/fault')).service).toBe('v1')
	await expect(runCurl(`curl -H 'X-Fault: yes' http://${HOST}:${port}/fault`)).rejects.toThrow(/418/)
})

test('a direct response', async () => {
	expect(await curl('/direct')).toEqual({ closed: true })
})

test('a rule for nobody yet, and a backend of weight 0, take no request', async () => {
	for (let i = 0; i < 20; i++) expect((await curl('/split')).service).toBe('v1')
})
