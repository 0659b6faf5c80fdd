/** A new path for a redirect or a rewrite: all of it, or what stands where the matched prefix stood. */
import { z } from 'zod'
import { checkPath } from './urlPath.ts'

const replacement = (isFine: (path: string) => boolean) =>
	z
		.string()
		.max(1_024)
		.superRefine((path, context) => {
			const message = isFine(path) ? undefined : checkPath(path)
			if (message !== undefined) context.addIssue({ code: 'custom', message })
		})

/** https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier */
export const PathModifier = z.discriminatedUnion('type', [
	z.strictObject({ type: z.literal('ReplaceFullPath'), replaceFullPath: replacement(() => false) }),
	z.strictObject({
		type: z.literal('ReplacePrefixMatch'),
		replacePrefixMatch: replacement((path) => path === '').meta({ description: 'Empty takes the prefix away.' }),
	}),
])
export type PathModifier = z.infer<typeof PathModifier>
