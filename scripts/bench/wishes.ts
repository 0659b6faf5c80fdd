/** What a request can ask of the bench's upstream, to prove what became of it on its way there. */

export const WISH_FIELD = 'x-bench'

/** The request's head as it arrived, for a body; a 503; no answer at all. */
export type Wish = 'show' | 'failure' | 'silence'

/** The field that asks for it. */
export const wish = (what: Wish): Readonly<Record<string, string>> => ({ [WISH_FIELD]: what })
