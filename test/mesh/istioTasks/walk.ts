/** A page from its first step to its last, on a stage: every change is in force before anybody looks. */
import { expect } from 'vitest'
import { type Echoed, valuesOf } from '../backend.ts'
import { eventually } from '../client.ts'
import { DOMAIN } from '../meshHarness.ts'
import type { Page, Row, Step } from './page.ts'
import { type Stage, send } from './stage.ts'

export async function walk(page: Page, stage: Stage): Promise<void> {
	await inForce(stage, await stage.mesh.apply(...page.deploys))
	for (const step of page.steps) {
		await change(stage, step)
		for (const row of step.sees) await see(stage, page, step, row)
		await step.tells?.()
	}
}

async function change(stage: Stage, { deletes = [], applies = [] }: Step): Promise<void> {
	const revisions: number[] = []
	if (deletes.length > 0) revisions.push(await stage.mesh.remove(...deletes))
	if (applies.length > 0) revisions.push(await stage.mesh.apply(...applies))
	if (revisions.length > 0) await inForce(stage, Math.max(...revisions))
}

/** What the proxy answers by itself names the revision that it runs. */
const inForce = ({ mesh }: Stage, revision: number): Promise<number> =>
	eventually(
		async () => (JSON.parse((await mesh.via(`nowhere.${DOMAIN}`)).text) as { revision: number }).revision,
		(running) => running >= revision,
	)

async function see(stage: Stage, page: Page, step: Step, row: Row): Promise<void> {
	const { status, text } = await send(stage, { host: page.host, ...row })
	const told = text.startsWith('{') ? (JSON.parse(text) as Partial<Echoed> & Problem) : {}
	const by = told.policy === undefined ? '' : ` by ${told.policy}`
	const received = Object.keys(row.receives ?? {}).map((name) => [name, valuesOf(told.rawHeaders ?? [], name)])
	const seen = {
		answer: `${status}${told.reason === undefined ? '' : ` ${told.reason}`}${by}`,
		...(row.body === undefined ? {} : { body: text }),
		...(row.receives === undefined ? {} : { receives: Object.fromEntries(received) }),
	}
	const { answer, body, receives } = row
	expect(seen, `${step.says}: ${JSON.stringify(row)}`).toEqual({ answer, body, receives })
}

interface Problem {
	readonly reason?: string
	readonly policy?: string
}
