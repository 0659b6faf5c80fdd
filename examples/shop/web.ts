/** The shop's front: asks orders for the order, and shows the path that the request took. */
import { call, join } from './mesh.ts'

await join({ service: 'web' }, async (headers) => {
	const orders = await call('orders', '/orders/42', headers)
	return { status: orders.status, body: { service: 'web', traceparent: headers.traceparent, order: orders.body } }
})
