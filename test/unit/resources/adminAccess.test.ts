/** AdminAccess: which documents say who may do what, and which are refused, naming the field. */
import { describe, expect, it } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'

const parse = (spec: object, metadata: object = { name: 'people' }) =>
	parseDocuments(JSON.stringify({ apiVersion: 'selvedge.dev/v1', kind: 'AdminAccess', metadata, spec }), 'json', {
		addresses: 'any',
		meshDomain: 'mesh.localhost',
	})
const subjects = [{ email: 'ana@example.com' }]

describe('AdminAccess', () => {
	it('is cluster-wide, and keeps what it says', () => {
		const spec = {
			subjects: [...subjects, { emailDomain: 'example.com' }, { group: 'sre' }, { serviceToken: 'x.access' }],
			role: 'operator',
			namespaces: ['alfa', 'bravo'],
		}
		expect(parse(spec)).toMatchObject({ ok: true, value: [{ metadata: { namespace: '-', name: 'people' }, spec }] })
	})

	it.each<[object, string]>([
		[{ role: 'viewer' }, 'spec.subjects'],
		[{ subjects: [], role: 'viewer' }, 'spec.subjects'],
		[{ subjects }, 'spec.role'],
		[{ subjects, role: 'root' }, 'spec.role'],
		[{ subjects: [{}], role: 'viewer' }, 'spec.subjects[0]'],
		[{ subjects: [{ email: 'ana@example.com', group: 'x' }], role: 'viewer' }, 'spec.subjects[0]'],
		[{ subjects: [{ email: 'ana' }], role: 'viewer' }, 'spec.subjects[0].email'],
		[{ subjects: [{ email: 'a@b@example.com' }], role: 'viewer' }, 'spec.subjects[0].email'],
		[{ subjects: [{ emailDomain: '@example.com' }], role: 'viewer' }, 'spec.subjects[0].emailDomain'],
		[{ subjects: [{ emailDomain: 'Example.com' }], role: 'viewer' }, 'spec.subjects[0].emailDomain'],
		[{ subjects: [{ group: '' }], role: 'viewer' }, 'spec.subjects[0].group'],
		[{ subjects: [{ everybody: true }], role: 'viewer' }, 'spec.subjects[0].everybody'],
		[{ subjects, role: 'viewer', namespaces: [] }, 'spec.namespaces'],
		[{ subjects, role: 'viewer', namespaces: ['-'] }, 'spec.namespaces[0]'],
		[{ subjects, role: 'viewer', namespaces: ['a', 'a'] }, 'spec.namespaces[1]'],
		[{ subjects, role: 'admin', namespaces: ['a'] }, 'spec.namespaces'],
	])('%j is refused, naming %s', (spec, path) => {
		const parsed = parse(spec)
		expect(parsed.ok ? [] : parsed.error.map((error) => error.path)).toContain(path)
	})

	it('has no namespace', () => {
		expect(parse({ subjects, role: 'viewer' }, { name: 'people', namespace: 'alfa' }).ok).toBe(false)
	})
})
