import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { environmentsOf, readWrangler, root, WORKERS, workerConfigs } from '../../scripts/deploy/configs.ts'
import { placeholderRoute, planSteps, requirements, type WorkerConfig } from '../../scripts/deploy/plan.ts'
import { wrangler } from '../../scripts/deploy/wrangler.ts'

const ENVIRONMENTS = ['staging', 'production']
const CONFIGS = WORKERS.map(({ config }) => config)
const scratch = mkdtempSync(join(tmpdir(), 'selvedge-deploy-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** What wrangler warns of, without the lines that only name a local variable, and without the news of a newer wrangler. */
function warnings(output: string): string[] {
	const missing = output.match(/^\s*- [A-Z_]+$/gm)?.map((line) => line.trim().slice(2)) ?? []
	const known = /Processing .* configuration|version of Wrangler you are using is now out-of-date/
	const others = output.split('\n').filter((line) => /WARNING/.test(line) && !known.test(line))
	return [...missing, ...others]
}

describe('a dry run of every Worker in every environment', () => {
	test.for(CONFIGS.flatMap((config) => ['', ...ENVIRONMENTS].map((env) => [config, env] as const)))(
		'%s builds in environment "%s" without a warning',
		async ([config, env], { expect }) => {
			const outdir = mkdtempSync(join(scratch, 'out-'))
			const run = await wrangler(['deploy', '--dry-run', '-c', config, '--env', env, '--outdir', outdir])
			expect(run.code, run.stderr).toBe(0)
			expect(warnings(run.stdout + run.stderr)).toEqual([])
		},
	)

	test('a warning of wrangler is noticed', () => {
		const forgotten = `▲ [WARNING] Processing wrangler.toml configuration:
    - "env.staging" environment configuration
      - The following vars exist at the top level, but not on "env.staging.vars".
        Please add these vars to "env.staging.vars":
        - MESH_DOMAIN
        - REGION
▲ [WARNING] The version of Wrangler you are using is now out-of-date.
▲ [WARNING] Something else`
		expect(warnings(forgotten)).toEqual(['MESH_DOMAIN', 'REGION', '▲ [WARNING] Something else'])
	})
})

describe('each environment spells out all that it does not inherit', () => {
	const bindings = (config: string, env: string) => readWrangler(config, env).durable_objects.bindings
	const variables = (config: string, env: string) => Object.keys(readWrangler(config, env).vars).sort()

	test('and all three Workers have the same environments', () => {
		for (const config of CONFIGS) expect(environmentsOf(config), config).toEqual(ENVIRONMENTS)
	})

	for (const env of ENVIRONMENTS)
		for (const config of CONFIGS) {
			test(`${config} has the bindings and variables of the top level in ${env}`, () => {
				const named = (of: string) => bindings(config, of).map(({ name, class_name }) => `${name}: ${class_name}`)
				expect(named(env)).toEqual(named(''))
				expect(variables(config, env)).toEqual(variables(config, ''))
			})

			test(`${config} binds no other environment's Workers in ${env}`, () => {
				expect(readWrangler(config, env).name).toBe(`${readWrangler(config, '').name}-${env}`)
				const scripts = (of: string) => bindings(config, of).map(({ script_name }) => script_name)
				expect(scripts(env)).toEqual(scripts('').map((script) => script && `${script}-${env}`))
			})
		}

	test.for(ENVIRONMENTS)('routes and crons of %s are its own, not inherited', (env, { expect }) => {
		const domain = `${env === 'production' ? '' : `${env}.`}mesh.example.com`
		const [admin, proxy, scheduler] = workerConfigs(env)
		expect(admin?.routes).toEqual([{ pattern: `admin.${domain}`, customDomain: true }])
		expect(proxy?.routes).toEqual([{ pattern: `*.${domain}/*`, zone: 'example.com', customDomain: false }])
		expect(scheduler?.routes).toEqual([])
		const config = WORKERS[2].config
		const toml = readFileSync(join(root, config), 'utf8')
		expect(toml).toContain(`[env.${env}.triggers]`)
		expect(readWrangler(config, env).triggers.crons).toEqual(readWrangler(config, '').triggers.crons)
	})

	test('no two environments share a route', () => {
		const patterns = ['', ...ENVIRONMENTS]
			.flatMap((env) => workerConfigs(env).flatMap(({ routes }) => routes))
			.map((r) => r.pattern)
		expect(new Set(patterns).size).toBe(patterns.length)
		expect(patterns).toHaveLength(4)
	})
})

describe('the plan of a deployment', () => {
	const worker = (name: string, routes: WorkerConfig['routes'], secrets: string[] = []): WorkerConfig => ({
		config: `${name}.toml`,
		name,
		routes,
		secrets,
	})

	test('deploys the host of the objects first, and puts its secrets once it exists', () => {
		expect(planSteps(workerConfigs('staging'))).toEqual([
			{ action: 'deploy', config: CONFIGS[0], name: 'selvedge-admin-staging' },
			{ action: 'ensureSecret', config: CONFIGS[0], name: 'selvedge-admin-staging', secret: 'ADMIN_TOKEN' },
			{ action: 'ensureSecret', config: CONFIGS[0], name: 'selvedge-admin-staging', secret: 'MASTER_KEY' },
			{ action: 'deploy', config: CONFIGS[1], name: 'selvedge-proxy-staging' },
			{ action: 'deploy', config: CONFIGS[2], name: 'selvedge-scheduler-staging' },
		])
	})

	test.for([
		{ pattern: '*.shop.dev/*', zone: 'shop.dev', certificates: [] },
		{ pattern: '*.mesh.shop.dev/*', zone: 'shop.dev', certificates: ['*.mesh.shop.dev'] },
		{ pattern: '*.staging.mesh.shop.dev/*', zone: 'shop.dev', certificates: ['*.staging.mesh.shop.dev'] },
	])(
		'$pattern needs a record, and a certificate where Universal SSL ends: $certificates',
		({ pattern, zone, certificates }) => {
			const needed = requirements([worker('proxy', [{ pattern, zone, customDomain: false }])])
			const name = pattern.replace('/*', '')
			expect(needed).toEqual({
				records: [{ zone, type: 'AAAA', name, content: '100::' }],
				certificates,
				customDomains: [],
			})
		},
	)

	test('a custom domain brings its own record and certificate', () => {
		const needed = requirements([worker('admin', [{ pattern: 'admin.mesh.shop.dev', customDomain: true }])])
		expect(needed).toEqual({ records: [], certificates: [], customDomains: ['admin.mesh.shop.dev'] })
	})

	test.for([
		['*.mesh.example.com/*', '*.mesh.example.com/*'],
		['example.org', 'example.org'],
		['*.myexample.com/*', undefined],
		['*.example.com.de/*', undefined],
	] as const)('%s is a placeholder: %s', ([pattern, found], { expect }) => {
		expect(placeholderRoute([worker('proxy', [{ pattern, customDomain: false }])])).toBe(found)
	})
})
