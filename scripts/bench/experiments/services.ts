/** Requests to 100 services of a mesh that has 1 to 100,000. */
import { type Document, service, serviceAt, serviceRequests } from '../documents.ts'
import { MESH_DOMAIN } from '../mesh.ts'
import type { Experiment } from './experiment.ts'
import { measureGrowth } from './growth.ts'

const HOSTS = 100

export const services: Experiment = (bench) =>
	measureGrowth(bench, {
		what: 'services',
		sizes: bench.options.quick ? [1, 1_000] : [1, 100, 10_000, 100_000],
		documents: (size) => Array.from({ length: size }, (_, i): Document => service(serviceAt(i), bench.backends.a)),
		requests: (size) => serviceRequests(size, HOSTS, MESH_DOMAIN),
		change: (turn) => service('changing', turn % 2 === 0 ? bench.backends.a : bench.backends.b),
	})
