/** The shop's payments. Two versions run side by side; the argument says which one this is. */
import { join } from './mesh.ts'

const version = process.argv[2] ?? 'v1'

await join({ service: `payments-${version}`, labels: { version } }, () => ({
	status: 200,
	body: { service: 'payments', version, amount: 129, currency: 'EUR' },
}))
