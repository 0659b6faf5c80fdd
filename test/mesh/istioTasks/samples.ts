/** The applications that Istio's task pages are shown with: httpbin, an external authorizer, and Bookinfo. */
import type { IncomingMessage, RequestListener } from 'node:http'
import { echo } from '../backend.ts'

/** Tells what it was sent, and says what a path of `/base64/` means. */
export const httpbin: RequestListener = (request, response) => {
	const [, directory, encoded = ''] = request.url!.split('/')
	if (directory === 'base64') response.end(Buffer.from(encoded, 'base64'))
	else echo(request, response)
}

export const DENIED = 'not without x-ext-authz: allow'

/** Allows who says so. */
export const extAuthz =
	(asked: string[]): RequestListener =>
	({ url, headers }, response) => {
		const said = headers['x-ext-authz']
		asked.push(`${url} ${said}`)
		const isAllowed = said === 'allow'
		response.writeHead(isAllowed ? 200 : 403, { 'x-ext-authz-check-result': isAllowed ? 'allowed' : 'denied' })
		response.end(isAllowed ? undefined : DENIED)
	}

/** A call of one workload to another application, through the mesh: its status and body. */
export type Hop = (from: string, app: string) => Promise<{ readonly status: number; readonly text: string }>

/** Four applications, by the first segment of the path. What calls others tells what became of that. */
export const bookinfo =
	(hop: Hop): RequestListener =>
	async (request, response) => {
		response.end(await page(request, hop))
	}

async function page({ url }: IncomingMessage, hop: Hop): Promise<string> {
	const app = url!.split('/')[1]!
	const shown = async (other: string) => {
		const { status, text } = await hop(`default/bookinfo-${app}`, other)
		return status === 200 ? text : `${other} unavailable (${status})`
	}
	if (app === 'productpage') return `${await shown('details')}, ${await shown('reviews')}`
	if (app === 'reviews') return `reviews with ${await shown('ratings')}`
	return app
}
