/**
 * The dashboard's script, as it is sent. It shows what the API answers as text nodes only, so nothing that a resource
 * says can become markup; and it asks again every few seconds while somebody looks.
 */
export const script = `
'use strict'
const REFRESH_MS = 5000
const KEY = 'selvedge-token'
const at = (id) => document.getElementById(id)
let timer

class SignedOut extends Error {}

// Who passed Cloudflare Access needs no token: the browser's cookie says who it is.
const byLogin = document.body.dataset.login === 'access'

async function api(path, mayBeRefused) {
	const token = sessionStorage.getItem(KEY)
	const response = await fetch(path, { headers: token ? { authorization: 'Bearer ' + token } : {}, cache: 'no-store' })
	if (response.status === 401) throw new SignedOut(token ? 'The token is unknown, has expired or has been revoked.' : 'The login has ended: load the page again.')
	if (response.status === 403 && mayBeRefused) return undefined
	const body = await response.json()
	if (!response.ok) throw new Error(path.split('?')[0] + ': ' + (body.detail || response.status))
	return body
}

// === what is shown ===

function element(name, text, className) {
	const made = document.createElement(name)
	if (text !== undefined) made.textContent = text
	if (className) made.className = className
	return made
}

function list(items) {
	const made = element('ul')
	made.append(...items.map(([text, className]) => element('li', text, className)))
	return made
}

function fill(id, rows, empty, more) {
	at(id).replaceChildren(...rows.map((cells) => {
		const row = element('tr')
		row.append(...cells.map((cell) => {
			const made = element('td')
			made.append(cell instanceof Node ? cell : String(cell))
			return made
		}))
		return row
	}))
	at(id + '-count').textContent = rows.length + (more ? '+' : '')
	at(id + '-empty').textContent = empty
	at(id + '-empty').hidden = rows.length > 0
}

function age(ms) {
	const seconds = Math.max(0, Math.round(ms / 1000))
	if (seconds < 120) return seconds + ' s'
	if (seconds < 7200) return Math.round(seconds / 60) + ' min'
	return seconds < 172800 ? Math.round(seconds / 3600) + ' h' : Math.round(seconds / 86400) + ' d'
}

function showServices(page, telemetry) {
	const counts = new Map(telemetry.services.map((entry) => [entry.service, entry]))
	fill('services', page.items.map(({ namespace, name, host, endpoints }) => {
		const { requests = 0, errors = 0, refusals = 0, latencySumMs = 0 } = counts.get(namespace + '/' + name) || {}
		const mean = requests === 0 ? '–' : (latencySumMs / requests).toFixed(1) + ' ms'
		const sick = endpoints.filter(({ health }) => !health.healthy)
		const sorted = sick.concat(endpoints.filter(({ health }) => health.healthy))
		const shown = sorted.slice(0, 10).map(({ id, url, weight, health }) =>
			[id + '  ' + url + (weight === 1 ? '' : '  × ' + weight) + (health.healthy ? '' : '  unhealthy'), health.healthy ? '' : 'bad'])
		if (sick.length > 10) shown.push(['… ' + sick.length + ' of ' + endpoints.length + ' unhealthy', 'bad'])
		if (endpoints.length > 10) shown.push(['… ' + (endpoints.length - 10) + ' more', 'quiet'])
		const some = endpoints.length === 0 ? element('span', 'none', 'bad') : list(shown)
		return [namespace + '/' + name, host, some, requests, element('span', errors, errors ? 'bad' : ''), refusals, mean]
	}), 'No services yet: apply a Service, or register an endpoint.', page.next)
}

function conditionsOf({ status = {} }) {
	const groups = [{ of: '', conditions: status.conditions || [] }]
	for (const { parentRef, conditions } of status.parents || []) groups.push({ of: parentRef.name + ': ', conditions })
	for (const { name, conditions } of status.listeners || []) groups.push({ of: name + ': ', conditions })
	return list(groups.flatMap(({ of, conditions }) => conditions.map(({ type, status, reason, message }) => {
		const good = (status === 'True') === (type !== 'Conflicted')
		const why = good ? '' : ' – ' + reason + (message ? ': ' + message : '')
		return [of + type + ' ' + status + why, good ? 'good' : 'bad']
	})))
}

function hostnamesOf({ spec }) {
	const names = spec.listeners ? spec.listeners.map(({ hostname }) => hostname || '*') : spec.hostnames || []
	return names.join(', ')
}

function showRouting(gateways, routes) {
	const rows = [...gateways.items, ...routes.items].map((document) => {
		const { kind, metadata } = document
		return [kind + ' ' + metadata.namespace + '/' + metadata.name, hostnamesOf(document), conditionsOf(document)]
	})
	fill('routing', rows, 'No gateways or routes yet.', gateways.next || routes.next)
}

function showRegions({ revision, regions }) {
	fill('regions', regions.map((region) => {
		if (!region.reachable) return [region.region, element('span', 'does not answer', 'bad'), '', '', '']
		const oldest = region.oldestRevision
		const behind = oldest !== null && oldest < revision
		const shown = oldest === null ? '–' : oldest + (behind ? ' of ' + revision : '')
		const snapshotAge = region.isolates === 0 ? '–' : age(region.oldestSnapshotAgeMs)
		return [region.region, region.isolates, element('span', shown, behind ? 'bad' : ''), snapshotAge, region.syncFailures]
	}), 'No region has asked for a snapshot yet: send a request through the mesh.')
}

function showKeys(keys) {
	if (!keys) return fill('keys', [], 'Not for who is limited to namespaces.')
	const { purposes, version, publishedVersion } = keys
	fill('keys', purposes.map(({ purpose, active, pending = '–', nextRotationAt, failures, lastFailure }) => {
		const ms = Date.parse(nextRotationAt) - Date.now()
		const next = element('time', ms <= 0 ? 'due' : 'in ' + age(ms))
		next.dateTime = next.title = nextRotationAt
		const unpublished = publishedVersion < version ? 'not published yet' : ''
		const trouble = failures > 0 ? failures + ' failed: ' + lastFailure : unpublished
		return [purpose, active, pending, next, element('span', trouble, 'bad')]
	}), 'No keys yet: the mesh needs its MASTER_KEY.')
}

const FOR = { issuer: 'workloads that join', userIssuer: 'end users', trustDomain: 'other meshes' }

function showOutside(keys) {
	if (!keys) return fill('outside', [], 'Not for who is limited to namespaces.')
	fill('outside', keys.fetched.map(({ name, kind, fetchedAt, failure = '' }) => {
		const fetched = fetchedAt === undefined ? element('span', 'never', 'bad') : element('time', age(Date.now() - Date.parse(fetchedAt)) + ' ago')
		if (fetchedAt !== undefined) fetched.dateTime = fetched.title = fetchedAt
		return [name, FOR[kind] || kind, fetched, element('span', failure, 'bad')]
	}), 'No issuer or trust domain outside is trusted, or none was asked yet.', keys.fetchedLeftOut)
}

const EFFECTS = {
	denied: 'refused',
	ambiguous: 'refused for an ambiguous path',
	audited: 'audited',
	would_refuse: 'dry run: would refuse',
	would_admit: 'dry run: would admit',
}

// No policy: none that allows has matched, or it is none's alone, or it is others'. No service: a rule answers by itself.
function showAccess({ access, accessLeftOut }) {
	fill('access', access.map(({ policy, service, rule, effect, count }) =>
		[policy || '–', service || (rule ? 'rule ' + rule : '–'), EFFECTS[effect] || effect, count]),
	'No policy has refused or audited a request yet, nor would one have in a dry run.', accessLeftOut)
}

function liveness(rollout) {
	if (rollout.live) return element('span', 'live everywhere', 'good')
	const live = rollout.regions.filter((region) => region.live).length
	return element('span', 'live in ' + live + ' of ' + rollout.regions.length + ' regions', 'bad')
}

function showRevisions({ items, next }, rollout) {
	fill('revisions', items.map(({ revision, at, actor, cause, changes }) => {
		const shown = changes.slice(0, 5).map(({ key, action }) => [action + ' ' + key])
		if (changes.length > 5) shown.push(['… ' + (changes.length - 5) + ' more', 'quiet'])
		const when = element('time', age(Date.now() - Date.parse(at)) + ' ago')
		when.dateTime = at
		when.title = at
		const number = element('span', revision + ' ')
		if (rollout && rollout.revision === revision) number.append(liveness(rollout))
		return [number, when, actor, cause, list(shown)]
	}), 'Nothing has been applied yet.', next)
}

// === the loop ===

async function refresh() {
	clearTimeout(timer)
	try {
		const [telemetry, services, gateways, routes, keys, revisions] = await Promise.all([
			api('/v1/telemetry/summary'),
			api('/v1/services?limit=500'),
			api('/v1/resources/Gateway?limit=200'),
			api('/v1/resources/HTTPRoute?limit=200'),
			api('/v1/keys', true),
			api('/v1/revisions?limit=20'),
		])
		const [newest] = revisions.items
		const rollout = newest && await api('/v1/revisions/{revision}/rollout'.replace('{revision}', newest.revision))
		showServices(services, telemetry)
		showRouting(gateways, routes)
		showRegions(telemetry)
		showKeys(keys)
		showOutside(keys)
		showAccess(telemetry)
		showRevisions(revisions, rollout)
		signedIn(true, '')
		at('state').textContent = 'Revision ' + telemetry.revision + ', as of ' + new Date().toLocaleTimeString()
		at('trouble').hidden = true
	} catch (error) {
		if (error instanceof SignedOut) return signOut(error.message)
		signedIn(true, '')
		at('trouble').textContent = error.message + ' What is shown may be old.'
		at('trouble').hidden = false
	}
	if (!document.hidden) timer = setTimeout(refresh, REFRESH_MS)
}

function signedIn(yes, refused) {
	at('views').hidden = !yes
	at('sign-out').hidden = !yes
	at('sign-in').hidden = yes
	at('refused').textContent = refused
}

function signOut(why) {
	clearTimeout(timer)
	sessionStorage.removeItem(KEY)
	for (const id of ['services', 'routing', 'regions', 'keys', 'outside', 'access', 'revisions']) at(id).replaceChildren()
	at('state').textContent = ''
	signedIn(false, why)
}

at('sign-in').addEventListener('submit', (event) => {
	event.preventDefault()
	sessionStorage.setItem(KEY, at('token').value.trim())
	at('token').value = ''
	refresh()
})
at('sign-out').addEventListener('click', () => {
	const hadToken = sessionStorage.getItem(KEY)
	signOut('')
	if (byLogin && !hadToken) location.assign('/cdn-cgi/access/logout')
})
const isSignedIn = () => byLogin || sessionStorage.getItem(KEY)
document.addEventListener('visibilitychange', () => {
	if (!document.hidden && isSignedIn()) refresh()
})
if (isSignedIn()) refresh()
else signedIn(false, at('refused').textContent)
`
