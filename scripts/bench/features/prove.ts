/** Proves that a feature acts before it is measured: the cost of a rule that does nothing would look fine. */
import { ask } from '../http.ts'
import type { WireRequest } from '../httpFraming.ts'
import type { Evidence, Feature } from './feature.ts'

/** Copies of requests arrive after their answers. */
const PATIENCE_MS = 3_000
const POLL_MS = 50
const AT_ONCE = 8

interface Upstreams {
	received(): Promise<readonly number[]>
}

/** Answers the fields that the measured request is to carry. Throws when nothing shows that the feature acts. */
export async function prove(
	upstreams: Upstreams,
	{ proxyPort: port }: { readonly proxyPort: number },
	request: WireRequest,
	{ title, learn, proof }: Pick<Feature, 'title' | 'learn' | 'proof'>,
	patienceMs = PATIENCE_MS,
): Promise<Readonly<Record<string, string>>> {
	const learned = learn === undefined ? {} : learn(await ask({ port, ...request }))
	const before = await total(upstreams)
	const asked = { port, ...request, headers: { ...request.headers, ...learned, ...proof.headers } }
	const answers: Evidence['answers'][number][] = []
	const { times = 1 } = proof
	while (answers.length < times) {
		const several = Math.min(AT_ONCE, times - answers.length)
		answers.push(...(await Promise.all(Array.from({ length: several }, () => ask(asked)))))
	}
	const deadline = performance.now() + patienceMs
	for (;;) {
		const evidence = { answers, received: (await total(upstreams)) - before, learned }
		if (proof.holds(evidence)) return learned
		if (performance.now() > deadline) throw new Error(unproven(title, evidence))
		await new Promise((resolve) => setTimeout(resolve, POLL_MS))
	}
}

const total = async (upstreams: Upstreams): Promise<number> =>
	(await upstreams.received()).reduce((sum, count) => sum + count, 0)

const unproven = (title: string, { answers: [first], received }: Evidence): string =>
	`nothing shows that "${title}" acts: ${received} requests received, first answer ${first?.status} ${first?.body.slice(0, 400)}`
