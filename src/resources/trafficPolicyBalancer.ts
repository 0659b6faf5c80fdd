/** How a service's endpoints are chosen, by name and settings of the algorithm. */
import { z } from 'zod'
import { durationBetween, HeaderName } from './scalars.ts'
import { unsupported } from './unsupported.ts'

/** Envoy allows rings of 8,388,608 points and tables of 5,000,011: one isolate of 128 MB has to hold those of all its services. */
const MAX_RING_SIZE = 65_536
const MAX_TABLE_SIZE = 655_373
const MIN_RING_SIZE = 1_024

const choices = z.int().min(2).max(10).default(2).meta({ description: 'Endpoints drawn, of which the best is taken.' })

const HashOn = z
	.strictObject({
		header: HeaderName.exactOptional(),
		cookie: HeaderName.exactOptional(),
		query: HeaderName.exactOptional(),
		source: z.enum(['Workload', 'ClientIP']).exactOptional(),
	})
	.refine((given) => Object.keys(given).length === 1, {
		error: 'must have exactly one of header, cookie, query, source',
	})
	.meta({ description: 'What requests are told apart by. Those without it go round robin.' })

const RingSize = z.int().min(1).max(MAX_RING_SIZE)

const RingHash = z
	.strictObject({
		minimumRingSize: RingSize.exactOptional().meta({ description: '1,024 when left out, or maximumRingSize.' }),
		maximumRingSize: RingSize.default(MAX_RING_SIZE),
	})
	.superRefine(({ minimumRingSize = 0, maximumRingSize }, context) => {
		if (minimumRingSize <= maximumRingSize) return
		const message = `must be at most maximumRingSize, which is ${maximumRingSize}`
		context.addIssue({ code: 'custom', path: ['minimumRingSize'], message })
	})
	.transform(({ minimumRingSize, maximumRingSize }) => ({
		minimumRingSize: minimumRingSize ?? Math.min(MIN_RING_SIZE, maximumRingSize),
		maximumRingSize,
	}))

const Maglev = z.strictObject({
	tableSize: z
		.int()
		.min(101)
		.max(MAX_TABLE_SIZE)
		.refine(isPrime, { error: 'must be a prime number, e.g. 65537' })
		.default(65_537)
		.meta({ description: 'At least 100 times the endpoints, for even shares (Maglev, NSDI 2016, §5.3).' }),
})

function isPrime(number: number): boolean {
	for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
	return number > 1
}

const withoutKey = { hashOn: 'must be left out: only RingHash and Maglev choose by a key' }

export const LoadBalancer = z.discriminatedUnion('type', [
	z.strictObject({ type: z.enum(['RoundRobin', 'Random']) }).register(unsupported, withoutKey),
	z
		.strictObject({ type: z.literal('LeastRequest'), leastRequest: z.strictObject({ choices }).prefault({}) })
		.register(unsupported, withoutKey),
	z
		.strictObject({
			type: z.literal('PeakEwma'),
			peakEwma: z
				.strictObject({
					decay: durationBetween('100ms', '10m')
						.default('10s')
						.meta({ description: 'How long a latency is remembered.' }),
					choices,
				})
				.prefault({}),
		})
		.register(unsupported, withoutKey),
	z.strictObject({ type: z.literal('RingHash'), ringHash: RingHash.prefault({}), hashOn: HashOn }),
	z.strictObject({ type: z.literal('Maglev'), maglev: Maglev.prefault({}), hashOn: HashOn }),
])
