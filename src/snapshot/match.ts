/** What a rule asks of a request, as it travels. */
import type { RegexProgram } from '../matching/regex.ts'

export interface Match {
	readonly path: PathMatch
	readonly method?: string
	readonly headers?: readonly ValueMatch[]
	readonly queryParams?: readonly ValueMatch[]
}

/** A prefix ends without `/`; the root prefix is the empty string. */
export type PathMatch =
	| { readonly type: 'Exact' | 'PathPrefix'; readonly value: string }
	| { readonly type: 'RegularExpression'; readonly value: string; readonly program: RegexProgram }

/** Header names are lower case. */
export type ValueMatch =
	| { readonly name: string; readonly type: 'Exact'; readonly value: string }
	| {
			readonly name: string
			readonly type: 'RegularExpression'
			readonly value: string
			readonly program: RegexProgram
	  }
