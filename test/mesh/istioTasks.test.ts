/** Istio's task pages on security, walked through by a user of this mesh: their documents, their requests, what they show. */
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { claimToHeader } from './istioTasks/claimToHeader.ts'
import { dryRun } from './istioTasks/dryRun.ts'
import { endUserAuthentication } from './istioTasks/endUserAuthentication.ts'
import { explicitDeny } from './istioTasks/explicitDeny.ts'
import { externalAuthorization } from './istioTasks/externalAuthorization.ts'
import { httpTraffic } from './istioTasks/httpTraffic.ts'
import { ingressGateway } from './istioTasks/ingressGateway.ts'
import { jwtToken } from './istioTasks/jwtToken.ts'
import { type Stage, startStage } from './istioTasks/stage.ts'
import { trustDomainMigration } from './istioTasks/trustDomainMigration.ts'
import { walk } from './istioTasks/walk.ts'

vi.setConfig({ maxConcurrency: 9 })

let stage: Stage

beforeAll(async () => {
	stage = await startStage()
})
afterAll(() => stage?.stop())

// Each has namespaces of its own, so that what one waits for holds up no other.
describe.concurrent("Istio's task", () => {
	it.each([
		['HTTP traffic', httpTraffic],
		['Explicit deny', explicitDeny],
		['JWT token', jwtToken],
		['External authorization', externalAuthorization],
		['Ingress gateway access control', ingressGateway],
		['Trust domain migration', trustDomainMigration],
		['Dry run', dryRun],
		['End-user authentication', endUserAuthentication],
		['Copy JWT claims to HTTP headers', claimToHeader],
	])('%s', (_, page) => walk(page(stage), stage))
})
