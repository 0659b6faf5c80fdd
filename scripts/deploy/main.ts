/** `npm run deploy`: the three Workers into one environment, in order, with the secrets that they need. */
import { parseArgs } from 'node:util'
import { newToken } from '../local/state.ts'
import { environmentsOf, WORKERS, workerConfigs } from './configs.ts'
import { placeholderRoute, planSteps, type Requirements, requirements, type Step } from './plan.ts'
import { wrangler } from './wrangler.ts'

const USAGE = `npm run deploy -- --env NAME [--dry-run]

  --env NAME   an environment of the wrangler.toml files
  --dry-run    build and check only; needs no credentials`

function fail(sentence: string, code = 1): never {
	console.error(sentence)
	process.exit(code)
}

function parse(): { env: string; dryRun: boolean } {
	const options = { env: { type: 'string' }, 'dry-run': { type: 'boolean', default: false } } as const
	try {
		const { values } = parseArgs({ options, allowPositionals: false })
		const known = environmentsOf(WORKERS[0].config)
		if (values.env === undefined) fail(`--env is missing: one of ${known.join(', ')}\n\n${USAGE}`, 2)
		if (!known.includes(values.env)) fail(`--env ${values.env}: there is no such environment (${known.join(', ')})`, 2)
		return { env: values.env, dryRun: values['dry-run'] }
	} catch (error) {
		return fail(`${(error as Error).message}\n\n${USAGE}`, 2)
	}
}

async function checkCredentials(): Promise<void> {
	const { code } = await wrangler(['whoami', '--json'])
	if (code !== 0)
		fail(
			'No access to Cloudflare: set CLOUDFLARE_API_TOKEN to a token that may edit Workers, or run `npx wrangler login`.',
		)
}

async function deploy(config: string, env: string, dryRun: boolean): Promise<void> {
	const { code } = await wrangler(['deploy', '-c', config, '--env', env, ...(dryRun ? ['--dry-run'] : [])], {
		show: true,
	})
	if (code !== 0) fail(`The deployment of ${config} failed; nothing after it was done.`)
}

/** Makes the secret if the Worker lacks it, and shows it this one time. */
async function ensureSecret(step: Step & { action: 'ensureSecret' }, env: string): Promise<void> {
	const where = ['-c', step.config, '--env', env]
	const listed = await wrangler(['secret', 'list', ...where, '--format', 'json'])
	if (listed.code !== 0) fail(`The secrets of ${step.name} could not be listed:\n${listed.stderr}`)
	const names = (JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name)
	if (names.includes(step.secret)) return
	const value = newToken()
	const put = await wrangler(['secret', 'put', step.secret, ...where], { input: value })
	if (put.code !== 0) fail(`${step.secret} could not be put:\n${put.stderr}`)
	console.log(
		`${step.name}: ${step.secret} was missing and is now\n\n  ${value}\n\nIt is not shown again: keep it safe.`,
	)
}

function tell({ records, certificates, customDomains }: Requirements): void {
	console.log('This environment needs, in its zone:')
	for (const { zone, type, name, content } of records)
		console.log(`  DNS record   ${type} ${name} → ${content}, proxied (zone ${zone})`)
	for (const host of certificates)
		console.log(
			`  certificate  ${host}: order it in Advanced Certificate Manager; Universal SSL does not reach that deep`,
		)
	for (const host of customDomains)
		console.log(`  nothing for  ${host}: a custom domain, whose record and certificate come with the deployment`)
}

const { env, dryRun } = parse()
const workers = workerConfigs(env)
if (!dryRun) {
	const placeholder = placeholderRoute(workers)
	if (placeholder !== undefined)
		fail(`The route ${placeholder} names an example domain. Put your own into the wrangler.toml files first.`)
	await checkCredentials()
}
for (const step of planSteps(workers)) {
	if (step.action === 'deploy') await deploy(step.config, env, dryRun)
	else if (dryRun) console.log(`Would make ${step.secret} of ${step.name}, if it is missing.`)
	else await ensureSecret(step, env)
}
tell(requirements(workers))
