/** The shop's payments, for orders only. Two versions run side by side; the argument says which one this is. */
import { serve } from './mesh.ts'

const version = process.argv[2] ?? 'v1'

await serve(
	{
		name: `payments-${version}`,
		labels: { version },
		// The mesh lets nobody unknown through to here; who may call is for the service to say.
		mayCall: (caller) => caller?.namespace === 'default' && caller.workload === 'orders',
	},
	({ caller }) => ({
		status: 200,
		body: { service: 'payments', version, caller: caller?.spiffeId, amount: 129, currency: 'EUR' },
	}),
)
