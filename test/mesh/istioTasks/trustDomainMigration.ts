/** https://istio.io/latest/docs/tasks/security/authorization/authz-td-migration/: this mesh's domain is the page's new-td. */
import { DOMAIN } from '../meshHarness.ts'
import { authorizationPolicy, deployed, HTTPBIN, methods, type Page, type Row, source } from './page.ts'
import { meshConfig, type Stage } from './stage.ts'

/** In `default` on the page, where another page shuts everybody out. Its callers are where the page has them. */
const NAMESPACE = 'foo-migration'

const policy = (trustDomain: string): object =>
	authorizationPolicy('service-httpbin.default.svc.cluster.local', NAMESPACE, {
		rules: [{ ...source({ principals: [`${trustDomain}/ns/sleep-allow/sa/sleep`] }), ...methods('GET') }],
		...HTTPBIN,
	})

const sleepOf = (namespace: string, answer: string): Row => ({
	curl: 'GET /ip',
	from: `${namespace}/sleep`,
	answer,
})
const REFUSED = '403 access_denied'
const ONE_ALLOWED = [sleepOf('default', REFUSED), sleepOf('sleep-allow', '200')]

export const trustDomainMigration = ({ httpbin }: Stage): Page => ({
	host: `httpbin--${NAMESPACE}`,
	deploys: [deployed('httpbin', NAMESPACE, httpbin.url)],
	steps: [
		{ says: 'without a policy', sees: [sleepOf('default', '200'), sleepOf('sleep-allow', '200')] },
		{ says: 'before the migration: the policy names the mesh', applies: [policy(DOMAIN)], sees: ONE_ALLOWED },
		{
			says: 'migrated, without aliases: the policy names a domain of the past',
			applies: [policy('old-td')],
			sees: [sleepOf('default', REFUSED), sleepOf('sleep-allow', REFUSED)],
		},
		{
			says: 'migrated, with an alias: the same policy holds',
			applies: [meshConfig({ trustDomainAliases: ['old-td'] })],
			sees: [
				...ONE_ALLOWED,
				{ curl: 'GET /ip', answer: REFUSED },
				{ ...sleepOf('sleep-allow', REFUSED), curl: 'POST /ip' },
			],
		},
		{
			says: 'best practice: cluster.local, with aliases',
			applies: [policy('cluster.local')],
			sees: ONE_ALLOWED,
		},
		{ says: 'best practice: cluster.local, without aliases', applies: [meshConfig()], sees: ONE_ALLOWED },
		{ says: 'clean up', deletes: [policy('cluster.local')], sees: [sleepOf('default', '200')] },
	],
})
