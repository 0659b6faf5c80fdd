/** What `npm start` says once the mesh is ready. */
import { ADMIN_HOST, MESH_DOMAIN } from './workers.ts'

export interface Greeting {
	readonly port: number
	readonly adminToken: string
	readonly stateDir: string
	readonly demo: boolean
}

export function greeting({ port, adminToken, stateDir, demo }: Greeting): string {
	const admin = `http://${ADMIN_HOST}:${port}`
	const catalog = [
		'The catalog of services, from the admin API:',
		`curl -H 'Authorization: Bearer ${adminToken}' ${admin}/v1/services`,
	]
	const shop = [
		['The shop through its Gateway: web calls orders, orders calls payments:', `curl http://shop.localhost:${port}/`],
		[
			'Orders by its mesh host: one in five is paid through v2. With -H "x-version: v2", every one:',
			`curl http://orders.${MESH_DOMAIN}:${port}/`,
		],
	]
	const lines = [...(demo ? shop : []), catalog].map(([what, command]) => `  ${what}\n    ${command}`)
	return `Selvedge is ready.

  Dashboard    ${admin}/
  Admin token  ${adminToken}

${lines.join('\n\n')}

State is kept in ${stateDir}. Ctrl-C stops the mesh.`
}
