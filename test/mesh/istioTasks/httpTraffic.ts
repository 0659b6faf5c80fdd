/** https://istio.io/latest/docs/tasks/security/authorization/authz-http/: Bookinfo, which really makes its calls. */
import { expect } from 'vitest'
import { DOMAIN } from '../meshHarness.ts'
import { authorizationPolicy, BETA_API, deployed, methods, type Page, type Step, source } from './page.ts'
import type { Stage } from './stage.ts'

const APPS = ['productpage', 'details', 'reviews', 'ratings']
const viewer = (app: string, more: object): object =>
	authorizationPolicy(
		`${app}-viewer`,
		'default',
		{ selector: { matchLabels: { app } }, action: 'ALLOW', rules: [{ ...more, ...methods('GET') }] },
		BETA_API,
	)
const of = (workload: string) => source({ principals: [`cluster.local/ns/default/sa/bookinfo-${workload}`] })

const ALLOW_NOTHING = authorizationPolicy('allow-nothing', 'default', {}, BETA_API)
const VIEWERS = [
	viewer('productpage', {}),
	viewer('details', of('productpage')),
	viewer('reviews', of('productpage')),
	viewer('ratings', of('reviews')),
]
const [PRODUCTPAGE, DETAILS, REVIEWS, RATINGS] = VIEWERS as [object, object, object, object]

const shows = (says: string, body: string, change: Partial<Step>): Step => ({
	says,
	sees: [{ curl: 'GET /', answer: '200', body }],
	...change,
})
const WHOLE = 'details, reviews with ratings'

export const httpTraffic = ({ bookinfo, mesh }: Stage): Page => ({
	host: 'productpage',
	deploys: APPS.map((app) => deployed(app, 'default', `${bookinfo.url}/${app}`)),
	steps: [
		shows('Bookinfo shows everything', WHOLE, {}),
		{
			says: 'allow-nothing: RBAC: access denied',
			applies: [ALLOW_NOTHING],
			sees: APPS.map((host) => ({ host, curl: 'GET /', answer: '403 access_denied' })),
			async tells() {
				const { text } = await mesh.via(`productpage.${DOMAIN}`)
				// There it is the whole body.
				expect(JSON.parse(text)).toMatchObject({ detail: 'RBAC: access denied' })
			},
		},
		shows('productpage-viewer: the page, and errors in it', 'details unavailable (403), reviews unavailable (403)', {
			applies: [PRODUCTPAGE],
		}),
		shows('details-viewer: details as well', 'details, reviews unavailable (403)', { applies: [DETAILS] }),
		shows('reviews-viewer: reviews without ratings', 'details, reviews with ratings unavailable (403)', {
			applies: [REVIEWS],
		}),
		{
			...shows('ratings-viewer: everything', WHOLE, { applies: [RATINGS] }),
			sees: [
				{ curl: 'GET /', answer: '200', body: WHOLE },
				{ curl: 'POST /', answer: '403 access_denied' },
				{ host: 'details', curl: 'GET /', answer: '403 access_denied' },
				{ host: 'ratings', curl: 'GET /', from: 'default/bookinfo-productpage', answer: '403 access_denied' },
				{ host: 'ratings', curl: 'GET /', from: 'default/bookinfo-reviews', answer: '200' },
				{ host: 'ratings', curl: 'DELETE /', from: 'default/bookinfo-reviews', answer: '403 access_denied' },
			],
		},
		shows('clean up', WHOLE, { deletes: [ALLOW_NOTHING, ...VIEWERS] }),
	],
})
