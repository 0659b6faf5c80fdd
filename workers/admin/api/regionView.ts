/** A region's telemetry, or that it cannot be had now: one silent region must not hide the others. */
import type { RegionTelemetry } from '../../../src/ports.ts'

export interface RegionView extends RegionTelemetry {
	readonly reachable: boolean
}
