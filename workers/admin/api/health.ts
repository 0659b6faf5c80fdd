/** Whether this Worker runs, and whether the control plane behind it can work. Both answer anyone. */
import type { Mesh } from '../mesh.ts'
import { problem } from '../problem.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'

export const healthz = async (): Promise<Response> => json({ status: 'ok' })

/** How long one answer of the store counts: strangers may ask as often as they like. */
const ANSWER_COUNTS_MS = 1000
const lastAnswers = new WeakMap<Mesh, { readonly ready: boolean; readonly atMs: number }>()

export async function readyz({ mesh }: Call<unknown, unknown>): Promise<Response> {
	const last = lastAnswers.get(mesh)
	const fresh = last !== undefined && mesh.now() - last.atMs < ANSWER_COUNTS_MS
	const ready = fresh ? last.ready : await ask(mesh)
	if (ready) return json({ status: 'ready' })
	return problem('unavailable', 'The policy store does not answer', { headers: { 'retry-after': '1' } })
}

async function ask(mesh: Mesh): Promise<boolean> {
	const ready = await mesh
		.policyStore()
		.ready()
		.then(
			() => true,
			() => false,
		)
	lastAnswers.set(mesh, { ready, atMs: mesh.now() })
	return ready
}
