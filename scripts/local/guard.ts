/**
 * A watcher beside the mesh: ends the runtime at once when the process that started it dies without a word. It reads
 * one runtime record a line; the end of its input means that the writer is gone.
 */
import { createInterface } from 'node:readline'
import { endRuntime, type RuntimeRecord } from './orphans.ts'

let latest: RuntimeRecord | undefined
for await (const line of createInterface({ input: process.stdin })) latest = JSON.parse(line)
if (latest) await endRuntime(latest)
