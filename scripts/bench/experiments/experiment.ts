/** What an experiment is given and what it gives back. */
import type { Generator } from '../generator.ts'
import type { MeshBundles } from '../mesh.ts'
import type { BenchOptions } from '../options.ts'

export interface Bench {
	readonly options: BenchOptions
	/** Where the bundles and every server's state lie. Gone when the run ends. */
	readonly directory: string
	readonly bundles: MeshBundles
	readonly generator: Generator
	/** Two upstreams, which answer with a body of `a` and of `b`. */
	readonly backends: { readonly a: string; readonly b: string }
	/** How many requests the two got so far. */
	received(): Promise<readonly number[]>
	/** Says on the terminal what is going on. */
	say(line: string): void
}

/** Answers the experiment's block of the results, in Markdown. Throws when its figures would mean nothing. */
export type Experiment = (bench: Bench) => Promise<string>
