/** The shop's orders: each is paid for through payments, whichever version of it the mesh picks. */
import { serve } from './mesh.ts'

await serve({ name: 'orders' }, async ({ caller, call }) => {
	const payments = await call('payments', '/payments/42')
	return {
		status: payments.status,
		body: {
			service: 'orders',
			caller: caller?.spiffeId ?? 'unknown',
			id: 42,
			item: 'selvedge denim',
			payment: payments.body,
		},
	}
})
