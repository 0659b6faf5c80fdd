/** Every feature that is measured, in the order of the results. */
import { edits } from './edits.ts'
import type { Feature } from './feature.ts'
import { ownReplies } from './ownReplies.ts'
import { placement } from './placement.ts'
import { timing } from './timing.ts'

export const FEATURES: readonly Feature[] = [...edits, ...ownReplies, ...timing, ...placement]
