/**
 * The runtime's process, on record. workerd outlives a parent that is killed outright, keeps the port and goes on serving
 * old code and state; so whoever starts one notes which process it is, and ends it when its parent is gone.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { childrenOf, identityOf } from './processTable.ts'

export interface RuntimeRecord {
	readonly pid: number
	/** Start time and command line: a process of the same number but another identity is somebody else's. */
	readonly identity: string
}

const recordFile = (stateDir: string): string => join(stateDir, 'workerd.json')

/** This process's workerd, when it has one. */
export function findRuntime(): RuntimeRecord | undefined {
	for (const pid of childrenOf(process.pid)) {
		const identity = identityOf(pid)
		if (identity !== undefined && /workerd(\.exe)? serve /.test(identity)) return { pid, identity }
	}
	return undefined
}

export const recordRuntime = (stateDir: string, record: RuntimeRecord): void =>
	writeFileSync(recordFile(stateDir), JSON.stringify(record), { mode: 0o600 })

export const forgetRuntime = (stateDir: string): void => rmSync(recordFile(stateDir), { force: true })

/** The workerd that an earlier start of this folder left behind, if it still runs. */
export function recordedOrphan(stateDir: string): RuntimeRecord | undefined {
	try {
		const record = JSON.parse(readFileSync(recordFile(stateDir), 'utf8')) as RuntimeRecord
		return isRunning(record) ? record : undefined
	} catch {
		return undefined // no record, or one cut short by the crash that it was meant for
	}
}

const isRunning = (record: RuntimeRecord): boolean =>
	Number.isInteger(record.pid) && record.pid > 1 && identityOf(record.pid) === record.identity

/** Ends exactly that process, and answers once it is gone or after 5 s. */
export async function endRuntime(record: RuntimeRecord): Promise<void> {
	for (let tries = 0; tries < 100 && isRunning(record); tries++) {
		// Nothing is lost: its storage commits before it answers, and miniflare ends it no other way.
		process.kill(record.pid, 'SIGKILL')
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
}
