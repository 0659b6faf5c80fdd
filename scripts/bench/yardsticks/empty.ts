/** The empty yardstick: a Worker that does nothing but answer. What it takes to start is the runtime's own time. */

export default {
	fetch: (): Response => new Response('ok'),
}
