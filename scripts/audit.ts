/** `npm run audit -- verify`: reads a mesh's audit log and checks that it is one chain, from its first entry to its last. */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type AnsweredEntry, type ChainFault, checkChain, type Link, linkOf } from '../src/audit/chain.ts'
import { err, ok, type Result } from '../src/result.ts'
import { send } from './local/http.ts'

const USAGE = `npm run audit -- verify --url URL [--token T] [--anchor HASH]

  --url URL      the admin API, such as https://admin.mesh.example.com
  --token T      a token with the role operator, not limited to namespaces (default: $SELVEDGE_TOKEN)
  --anchor HASH  head of an earlier check: without it nobody can see that the newest entries are missing

  Ends with 0: a chain; 1: not a chain, or not the one of the anchor; 2: it could not be checked.`

interface Asked {
	readonly url: URL
	readonly token: string
	readonly anchor?: string
}

interface AuditPage {
	readonly items: readonly AnsweredEntry[]
	readonly next?: string
}

const PAGE_SIZE = 500
const TIMEOUT_MS = 30_000

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function parse(args: readonly string[]): Result<Asked, string> {
	const options = { url: { type: 'string' }, token: { type: 'string' }, anchor: { type: 'string' } } as const
	try {
		const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
		const { url, token = process.env.SELVEDGE_TOKEN ?? '', anchor } = values
		if (positionals.join(' ') !== 'verify') return err('the command must be verify')
		if (url === undefined || !URL.canParse(url)) return err('--url must be an absolute URL')
		const parsed = new URL(url)
		if (parsed.protocol !== 'https:' && !isThisMachine(parsed))
			return err('--url must be https: the token would be sent for everybody to read')
		if (token === '') return err('--token is missing, and SELVEDGE_TOKEN is not set')
		if (anchor !== undefined && !/^[0-9a-f]{64}$/.test(anchor))
			return err('--anchor must be a hash of 64 hexadecimal digits')
		return ok({ url: parsed, token, ...(anchor === undefined ? {} : { anchor }) })
	} catch (error) {
		return err((error as Error).message)
	}
}

const isThisMachine = ({ hostname }: URL): boolean =>
	['localhost', '127.0.0.1', '[::1]'].includes(hostname) || hostname.endsWith('.localhost')

/** Not every resolver knows `*.localhost`. Redirects are not followed: the token is for whom it was given for. */
async function get({ url, token }: Asked, path: string): Promise<{ status: number; body: string }> {
	const headers = { authorization: `Bearer ${token}` }
	if (url.protocol === 'http:' && url.hostname.endsWith('.localhost'))
		return send({ port: Number(url.port || 80), host: url.hostname, path, headers })
	const signal = AbortSignal.timeout(TIMEOUT_MS)
	const response = await fetch(new URL(path, url), { headers, redirect: 'manual', signal })
	return { status: response.status, body: await response.text() }
}

/** Of the whole log, oldest first. A page is forgotten once its entries were looked at. */
async function readLinks(asked: Asked): Promise<Result<Link[], string>> {
	const links: Link[] = []
	for (let after: string | undefined; ; ) {
		const path = `/v1/audit?limit=${PAGE_SIZE}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`
		const { status, body } = await get(asked, path)
		if (status !== 200) return err(`GET ${path} answers ${status}: ${body.slice(0, 300)}`)
		const page = JSON.parse(body) as AuditPage
		links.push(...page.items.map((entry) => linkOf(entry, sha256)))
		if (page.next === undefined) return ok(links.reverse())
		if (after !== undefined && Number(page.next) >= Number(after)) return err(`GET ${path} leads back to ${page.next}`)
		after = page.next
	}
}

function told(fault: ChainFault): string {
	switch (fault.reason) {
		case 'anchor_missing':
			return 'No entry has the hash of the anchor: the newest entries were removed, or the log was made anew.'
		case 'not_chained':
			return `Entry ${fault.id} does not follow the one before it: entries were removed, moved or put in there.`
		case 'altered':
			return `Entry ${fault.id} is not what its hash was taken of: it was changed.`
		case 'changes_altered':
			return `Entry ${fault.id}: what it says was changed is not what its hash was taken of.`
		case 'no_hash':
			return `Entry ${fault.id} has no hash: the token is limited to namespaces, or the mesh is of an earlier version.`
	}
}

async function main(): Promise<number> {
	const asked = parse(process.argv.slice(2))
	if (!asked.ok) {
		console.error(`${asked.error}\n\n${USAGE}`)
		return 2
	}
	const links = await readLinks(asked.value).catch((error: Error) =>
		err(`The audit log cannot be read: ${error.message}`),
	)
	if (!links.ok) {
		console.error(links.error)
		return 2
	}
	const checked = checkChain(links.value, asked.value.anchor)
	if (!checked.ok) {
		console.error(told(checked.error))
		return 1
	}
	const { checked: count, notWhole, head } = checked.value
	console.log(`${count} entries checked, each follows the one before it.`)
	if (notWhole > 0) console.log(`${notWhole} of them were not shown with all that they changed; that was not compared.`)
	console.log(`head ${head}`)
	if (asked.value.anchor === undefined)
		console.log('Note the head elsewhere and pass it as --anchor: without one, a log that lost its end looks whole.')
	return 0
}

process.exitCode = await main()
