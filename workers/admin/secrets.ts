/** Secrets on their way into the store: sealed here, so that nothing behind this Worker ever holds a value. */
import type { Resource } from '../../src/resources/resource.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { sealValues } from '../../src/secrets/credentials.ts'
import { createKeyring } from '../../src/secrets/sealing.ts'
import { problem } from './problem.ts'
import { type Call, mayDo } from './route.ts'

const HOW =
	'openssl rand -base64 32 | npx wrangler secret put MASTER_KEY -c workers/admin/wrangler.toml --env <environment>'

/** The resources with the values of all Secrets sealed. Other resources are what they were. */
export async function sealSecrets(
	{ mesh, principal }: Pick<Call<unknown, unknown>, 'mesh' | 'principal'>,
	resources: readonly Resource[],
): Promise<Result<readonly Resource[], Response>> {
	if (!resources.some(({ kind }) => kind === 'Secret')) return ok(resources)
	// Whether a value equals the stored one shows in the answer: who may not change it must not guess at it either.
	if (!mayDo(principal.role, 'operator'))
		return err(
			problem('forbidden', 'Comparing a Secret needs the role operator', { members: { neededRole: 'operator' } }),
		)
	const keyring = await keyringOf(mesh.settings.masterKey)
	if (!keyring.ok) return err(problem('secrets-not-kept', `Nothing was changed: ${keyring.error}. Set it: ${HOW}`))
	return ok(
		await Promise.all(
			resources.map(async (resource) =>
				resource.kind === 'Secret'
					? { ...resource, data: await sealValues(keyring.value, resource.metadata, resource.data) }
					: resource,
			),
		),
	)
}

async function keyringOf(masterKey: string | undefined) {
	if (masterKey === undefined || masterKey === '')
		return err('the admin Worker has no MASTER_KEY, under which Secrets are encrypted')
	const keyring = await createKeyring(masterKey)
	return keyring.ok ? keyring : err(`the admin Worker's MASTER_KEY cannot be used: ${keyring.error}`)
}
