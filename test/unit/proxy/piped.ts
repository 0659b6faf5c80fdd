/** Bodies on their way to a client, piped as the platform does it. */
import type { ProxyPorts } from '../../../src/proxy/ports.ts'

/** What is short fits into the buffers of a network: it is sent whether or not anybody reads it. */
const BUFFERED_CHUNKS = 8

export const pipe: ProxyPorts['pipe'] = (body, _length, signal) => {
	const { readable, writable } = new TransformStream({}, undefined, { highWaterMark: BUFFERED_CHUNKS })
	return { body: readable, ended: body.pipeTo(writable, { signal }).catch(() => {}) }
}
