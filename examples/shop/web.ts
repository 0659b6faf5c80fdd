/** The shop's front: asks orders for the order, and shows the path that the request took. */
import { serve } from './mesh.ts'

await serve({ name: 'web' }, async ({ headers, call }) => {
	const orders = await call('orders', '/orders/42')
	return { status: orders.status, body: { service: 'web', traceparent: headers.traceparent, order: orders.body } }
})
