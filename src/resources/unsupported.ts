/** Fields that Gateway API defines and this mesh does not offer, by the schema that would hold them, each with the reason. */
import { z } from 'zod'

/** A schema registers here what to say instead of "unknown field". */
export const unsupported = z.registry<Readonly<Record<string, string>>>()

export const notOffered = (field: string, reason?: string): string =>
	`this mesh does not support '${field}'${reason === undefined ? ' yet' : `: ${reason}`}`
