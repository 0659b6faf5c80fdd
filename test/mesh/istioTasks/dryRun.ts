/** https://istio.io/latest/docs/tasks/security/authorization/authz-dry-run/ */
import { expect } from 'vitest'
import { eventually } from '../client.ts'
import { sample } from '../metrics.ts'
import { authorizationPolicy, BETA_API, deployed, HTTPBIN, type Page, paths, type Row } from './page.ts'
import type { Stage } from './stage.ts'

const foo = 'foo-dry-run'
const NAME = `${foo}/deny-path-headers`

function denyHeaders(annotation?: 'true' | 'false'): object {
	const annotations = annotation === undefined ? {} : { annotations: { 'istio.io/dry-run': annotation } }
	const spec = { ...HTTPBIN, action: 'DENY', rules: [paths('/headers')] }
	const metadata = { name: 'deny-path-headers', namespace: foo, ...annotations }
	return authorizationPolicy('deny-path-headers', foo, spec, { ...BETA_API, metadata })
}

const HEADERS: Row = { curl: 'GET /headers', answer: '200' }
const IP: Row = { curl: 'GET /ip', answer: '200' }
const DENIED: Row = { ...HEADERS, answer: `403 access_denied by ${NAME}` }

export const dryRun = ({ httpbin, mesh }: Stage): Page => {
	/** Of requests, each once: what policies said of them has lines of its own. */
	const logged = (path: string) =>
		mesh.log.filter((line) => line.service === `${foo}/httpbin` && line.path === path && 'status' in line)
	/** Undefined while nobody has told of any. */
	const counted = (page: string, effect: string) =>
		sample(page, 'selvedge_authorization_total', { service: 'httpbin', namespace: foo, policy: NAME, effect })

	return {
		host: `httpbin--${foo}`,
		deploys: [deployed('httpbin', foo, httpbin.url)],
		steps: [
			{ says: 'sleep can access httpbin', sees: [IP] },
			{
				says: 'dry run: /headers is allowed, and the log and the metric tell what would have been',
				applies: [denyHeaders('true')],
				sees: [HEADERS, IP],
				async tells() {
					const lines = await eventually(
						async () => logged('/headers'),
						({ length }) => length > 0,
					)
					expect(lines).toMatchObject([{ status: 200, would: 'refuse', wouldBy: NAME }])
					expect(logged('/ip').filter((line) => 'would' in line)).toEqual([])
					const page = await eventually(
						() => mesh.metrics(),
						(page) => counted(page, 'would_refuse') !== undefined,
					)
					expect([counted(page, 'would_refuse'), counted(page, 'denied')]).toEqual([1, undefined])
				},
			},
			{ says: 'annotation of false: it denies', applies: [denyHeaders('false')], sees: [DENIED, IP] },
			{ says: 'tried again', applies: [denyHeaders('true')], sees: [HEADERS] },
			{ says: 'annotation removed: it denies', applies: [denyHeaders()], sees: [DENIED, IP] },
			{ says: 'clean up', deletes: [denyHeaders()], sees: [HEADERS] },
		],
	}
}
