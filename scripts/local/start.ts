/** `npm start`: reads the options, then launches the mesh. */
import { parseOptions, USAGE } from './options.ts'

const options = parseOptions(process.argv.slice(2))
if (!options.ok) {
	console.error(`${options.error}\n\n${USAGE}`)
	process.exit(2)
}
if (options.value.help) {
	console.log(USAGE)
	process.exit(0)
}
// Only now: the runtime's packages take most of a second to load.
const { launch } = await import('./launch.ts')
await launch(options.value)
