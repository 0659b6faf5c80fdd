import { expect, it } from 'vitest'
import { bundleClient } from '../../../scripts/client/bundle.ts'

it('the SDK as one module imports nothing, needs no runtime of its own, and is small', async () => {
	const text = await bundleClient()
	const code = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')
	expect(code).not.toMatch(/^import\b|\bimport\(|\bfrom ['"]|\brequire\(/m)
	expect(code).not.toMatch(/\bnode:|\bprocess\b|\bBuffer\b|\bDeno\b|\bBun\b|\bwindow\b|\bglobal\b/)
	expect(text.length).toBeLessThan(80_000)
	const module = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)
	expect(Object.keys(module).sort()).toEqual(['createVerifier', 'isMeshError', 'join', 'requireCaller'])
})
