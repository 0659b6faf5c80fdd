/** The shop's orders: each is paid for through payments, whichever version of it the mesh picks. */
import { call, join } from './mesh.ts'

await join({ service: 'orders' }, async (headers) => {
	const payments = await call('payments', '/payments/42', headers)
	return {
		status: payments.status,
		body: { service: 'orders', id: 42, item: 'selvedge denim', payment: payments.body },
	}
})
