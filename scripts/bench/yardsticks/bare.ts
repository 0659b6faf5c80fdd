/** The bare yardstick: the cheapest pass-through that a Worker can be. */

export default {
	fetch(request: Request, env: { BACKEND: string }): Promise<Response> {
		const url = request.url
		return fetch(env.BACKEND + url.slice(url.indexOf('/', 8)), request)
	},
}
