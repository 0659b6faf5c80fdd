/** The options of `npm start`. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { err, ok, type Result } from '../../src/result.ts'

export interface Options {
	/** 0 takes any free port. */
	readonly port: number
	/** Kept in the state folder when not given. */
	readonly adminToken?: string
	readonly stateDir: string
	readonly demo: boolean
	/** The region that this process plays. */
	readonly region: string
	/** Share of requests that get an access-log record, 0–1. */
	readonly accessLogRate: number
	readonly help: boolean
}

export const USAGE = `npm start -- [options]

  --port N            listen on this loopback port (8787; 0: any free one)
  --admin-token T     token of the admin API (default: made once, kept in the state folder)
  --state DIR         folder for state (.selvedge)
  --no-demo           do not start the demo shop
  --region NAME       the region that this process plays (local)
  --access-log RATE   share of requests to log, 0–1 (0)
  --help              this text`

const SPEC = {
	port: { type: 'string', default: '8787' },
	'admin-token': { type: 'string' },
	state: { type: 'string', default: '.selvedge' },
	'no-demo': { type: 'boolean', default: false },
	region: { type: 'string', default: 'local' },
	'access-log': { type: 'string', default: '0' },
	help: { type: 'boolean', default: false },
} as const

/** The options, or a sentence that names the argument that is wrong. */
export function parseOptions(args: readonly string[]): Result<Options, string> {
	try {
		return validate(parseArgs({ args: [...args], options: SPEC, allowPositionals: false }).values)
	} catch (error) {
		return err((error as Error).message)
	}
}

type Values = ReturnType<typeof parseArgs<{ options: typeof SPEC }>>['values']

function validate(values: Values): Result<Options, string> {
	const port = Number(values.port)
	if (!/^\d{1,5}$/.test(values.port) || port > 65_535) return err(`--port ${values.port}: not a port (0–65535)`)
	const accessLogRate = Number(values['access-log'])
	if (!(accessLogRate >= 0 && accessLogRate <= 1) || values['access-log'].trim() === '')
		return err(`--access-log ${values['access-log']}: not a share (0–1)`)
	const adminToken = values['admin-token']
	// RFC 6750's b64token: what an Authorization header can carry.
	if (adminToken !== undefined && !/^[\w.~+/-]+=*$/.test(adminToken))
		return err('--admin-token: only letters, digits and -._~+/ (RFC 6750)')
	if (!/^[a-z0-9-]{1,32}$/.test(values.region)) return err(`--region ${values.region}: only a–z, 0–9 and -`)
	if (values.state === '') return err('--state: names no folder')
	return ok({
		port,
		...(adminToken === undefined ? {} : { adminToken }),
		stateDir: resolve(values.state),
		demo: !values['no-demo'],
		region: values.region,
		accessLogRate,
		help: values.help,
	})
}
