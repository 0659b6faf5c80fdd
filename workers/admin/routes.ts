/** The whole API, top to bottom: what exists, and the role that each needs. Nothing answers that is not listed here. */
import * as changes from './api/changes.ts'
import * as endpoints from './api/endpoints.ts'
import { explain } from './api/explain.ts'
import * as health from './api/health.ts'
import { prometheus } from './api/prometheus.ts'
import { REPLAYED_KINDS, replay } from './api/replay.ts'
import * as resources from './api/resources.ts'
import * as revisions from './api/revisions.ts'
import { getRollout } from './api/rollout.ts'
import * as services from './api/services.ts'
import * as telemetry from './api/telemetry.ts'
import * as tokens from './api/tokens.ts'
import { dashboard } from './dashboard/dashboard.ts'
import { identityRoutes } from './identityRoutes.ts'
import * as input from './input.ts'
import { openapi } from './openapi.ts'
import { type Route, route } from './route.ts'

const ENDPOINT = '/v1/services/{namespace}/{name}/endpoints/{id}'
const RESOURCE = '/v1/resources/{kind}/{namespace}/{name}'

export const routes: readonly Route[] = [
	// === changes ===
	route('POST', '/v1/apply', {
		role: 'operator',
		scope: 'own',
		summary: 'Create or change resources, all or none',
		query: input.applyQuery,
		body: 'documents',
		handle: changes.apply,
	}),
	route('POST', '/v1/delete', {
		role: 'operator',
		scope: 'own',
		summary: 'Delete the resources that the documents name, all or none',
		query: input.applyQuery,
		body: 'references',
		handle: changes.remove,
	}),
	route('POST', '/v1/diff', {
		role: 'viewer',
		scope: 'own',
		summary:
			'What applying the documents, or deleting what they name, would do: which virtual hosts and rules change, and how',
		query: input.diffQuery,
		body: 'documents',
		handle: changes.diff,
	}),

	// === resources ===
	route('GET', '/v1/resources/{kind}', {
		role: 'viewer',
		scope: 'own',
		summary: 'Resources of a kind, in order of namespace and name',
		params: input.kindParams,
		query: input.resourcesQuery,
		handle: resources.listResources,
	}),
	route('GET', RESOURCE, {
		role: 'viewer',
		scope: 'namespace',
		summary: 'A resource, with its status; its ETag is for If-Match',
		params: input.resourceParams,
		handle: resources.getResource,
	}),
	route('PUT', RESOURCE, {
		role: 'operator',
		scope: 'namespace',
		summary: 'Create or change one resource; If-Match and If-None-Match: * guard against lost updates',
		params: input.resourceParams,
		body: 'document',
		handle: resources.putResource,
	}),
	route('DELETE', RESOURCE, {
		role: 'operator',
		scope: 'namespace',
		summary: 'Delete one resource, if If-Match allows',
		params: input.resourceParams,
		handle: resources.deleteResource,
	}),

	// === history ===
	route('GET', '/v1/revisions', {
		role: 'viewer',
		scope: 'own',
		summary: 'Revisions, newest first: who, when, and what changed',
		query: input.historyQuery,
		handle: revisions.listRevisions,
	}),
	route('GET', '/v1/revisions/{revision}', {
		role: 'viewer',
		scope: 'own',
		summary: 'A revision, and how many isolates of each region run it',
		params: input.revisionParams,
		handle: revisions.getRevision,
	}),
	route('GET', '/v1/revisions/{revision}/rollout', {
		role: 'viewer',
		scope: 'own',
		summary: 'Whether a revision is live everywhere; wait answers when it is',
		params: input.revisionParams,
		query: input.rolloutQuery,
		handle: getRollout,
	}),
	route('POST', '/v1/revisions/{revision}/rollback', {
		role: 'operator',
		scope: 'own',
		summary: 'Make a new revision with the resources of an old one',
		params: input.revisionParams,
		handle: changes.rollback,
	}),
	route('GET', '/v1/audit', {
		role: 'operator',
		scope: 'own',
		summary: 'Every change, newest first, field by field',
		query: input.historyQuery,
		handle: revisions.listAudit,
	}),

	// === discovery ===
	route('GET', '/v1/services', {
		role: 'viewer',
		scope: 'own',
		workloads: 'all',
		summary: 'The catalog; If-None-Match and wait answer when it changes',
		query: input.servicesQuery,
		handle: services.listServices,
	}),
	route('GET', '/v1/services/{namespace}/{name}', {
		role: 'viewer',
		scope: 'namespace',
		workloads: 'all',
		summary: 'A service and the endpoints that take traffic; If-None-Match and wait answer when it changes',
		params: input.serviceParams,
		query: input.waitQuery,
		handle: services.getService,
	}),
	route('GET', '/v1/services/{namespace}/{name}/endpoints', {
		role: 'viewer',
		scope: 'namespace',
		workloads: 'own service',
		summary: 'The leases of a service, in order of id',
		params: input.serviceParams,
		query: input.pageQuery,
		handle: endpoints.listEndpoints,
	}),
	route('GET', ENDPOINT, {
		role: 'viewer',
		scope: 'namespace',
		workloads: 'own service',
		summary: 'A lease',
		params: input.endpointParams,
		handle: endpoints.getEndpoint,
	}),
	route('PUT', ENDPOINT, {
		role: 'operator',
		scope: 'namespace',
		workloads: 'own service',
		summary: 'Register an endpoint, or renew and change its lease',
		params: input.endpointParams,
		body: input.endpointBody,
		handle: endpoints.putEndpoint,
	}),
	route('POST', `${ENDPOINT}/heartbeat`, {
		role: 'operator',
		scope: 'namespace',
		workloads: 'own service',
		summary: 'Renew a lease for its ttlSeconds',
		params: input.endpointParams,
		handle: endpoints.heartbeat,
	}),
	route('POST', `${ENDPOINT}/drain`, {
		role: 'operator',
		scope: 'namespace',
		workloads: 'own service',
		summary: 'Send no new requests to an endpoint',
		params: input.endpointParams,
		handle: endpoints.drain,
	}),
	route('DELETE', ENDPOINT, {
		role: 'operator',
		scope: 'namespace',
		workloads: 'own service',
		summary: 'Give up a lease',
		params: input.endpointParams,
		handle: endpoints.deleteEndpoint,
	}),
	route('GET', '/v1/discovery/prometheus', {
		role: 'viewer',
		scope: 'own',
		summary: 'Every endpoint, for Prometheus http_sd',
		handle: prometheus,
	}),

	// === tokens ===
	route('POST', '/v1/tokens', {
		role: 'admin',
		scope: 'mesh',
		summary: 'Make a token; the answer is the only place where it is shown',
		body: input.tokenBody,
		handle: tokens.createToken,
	}),
	route('GET', '/v1/tokens', {
		role: 'admin',
		scope: 'mesh',
		summary: 'Tokens, without their secrets',
		handle: tokens.listTokens,
	}),
	route('POST', '/v1/tokens/{id}/rotate', {
		role: 'admin',
		scope: 'mesh',
		summary: 'Give a token a new secret; the old one is good for graceSeconds more',
		params: input.tokenParams,
		body: input.rotationBody,
		handle: tokens.rotateToken,
	}),
	route('DELETE', '/v1/tokens/{id}', {
		role: 'admin',
		scope: 'mesh',
		summary: 'Revoke a token; it is refused everywhere within a second',
		params: input.tokenParams,
		handle: tokens.revokeToken,
	}),

	// === identity, keys and certificates ===
	...identityRoutes,

	// === looking in ===
	route('POST', '/v1/explain', {
		role: 'viewer',
		scope: 'own',
		summary:
			'Where a request would go and why: every stage, the odds of each backend, the edits, and the rules that it only just misses',
		body: input.explainBody,
		handle: explain,
	}),
	route('POST', '/v1/authorization/replay', {
		role: 'viewer',
		scope: 'own',
		summary:
			'Whom policies would newly refuse or admit, had they been in force: tried out on the requests of the last day that the regions remember',
		query: input.replayQuery,
		body: 'documents',
		kinds: REPLAYED_KINDS,
		bodyless: true,
		handle: replay,
	}),
	route('GET', '/v1/telemetry/summary', {
		role: 'viewer',
		scope: 'own',
		summary: 'Revisions per region and requests per service, for people',
		handle: telemetry.summary,
	}),
	route('GET', '/metrics', {
		role: 'viewer',
		scope: 'own',
		summary: 'Every region’s metrics, for Prometheus',
		answers: 'text/plain',
		handle: telemetry.metrics,
	}),
	route('GET', '/healthz', {
		role: 'anyone',
		scope: 'shared',
		summary: 'Whether the Worker runs',
		handle: health.healthz,
	}),
	route('GET', '/readyz', {
		role: 'anyone',
		scope: 'shared',
		summary: 'Whether the control plane can work',
		handle: health.readyz,
	}),
	route('GET', '/openapi.json', {
		role: 'viewer',
		scope: 'shared',
		summary: 'This description',
		handle: async (call) => openapi(routes, call),
	}),
	route('GET', '/', {
		role: 'viewer',
		scope: 'shared',
		summary: 'The dashboard; signed out, its sign-in form with status 401',
		answers: 'text/html',
		handle: dashboard,
	}),
]
