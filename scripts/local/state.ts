/** The state folder: who may use it, and the secrets that it keeps. */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** How long a start waits for the one before it to finish stopping. */
const LOCK_WAIT_MS = 2_000

/**
 * Takes the folder for this process, or answers false when another holds it. The lock is SQLite's, so the kernel gives it
 * back however its holder dies, and no stale lock is possible.
 */
export function lockState(stateDir: string): boolean {
	mkdirSync(stateDir, { recursive: true, mode: 0o700 })
	const lock = new DatabaseSync(join(stateDir, 'lock'), { timeout: LOCK_WAIT_MS })
	try {
		lock.exec('BEGIN EXCLUSIVE')
		held.push(lock)
		return true
	} catch {
		lock.close()
		return false
	}
}

/** A collected handle would close, and give the lock back. */
const held: DatabaseSync[] = []

/** A secret of the folder's, by the name of its file: made once, readable by its owner only. */
export function keptSecret(stateDir: string, name: 'admin-token' | 'master-key'): string {
	const file = join(stateDir, name)
	if (existsSync(file)) {
		chmodSync(file, 0o600)
		const token = readFileSync(file, 'utf8').trim()
		if (token !== '') return token
	}
	const token = newToken()
	writeFileSync(file, `${token}\n`, { mode: 0o600 })
	return token
}

/** 256 random bits, marked so that secret scanners know it. */
export const newToken = (): string => `slv_${randomBytes(32).toString('base64url')}`
