/** How a resource is known. */
import { expect, test } from 'vitest'
import { keyOf, Metadata } from '../../../src/resources/resource.ts'
import { namespace, parsed, route } from './fixtures.ts'

test('a resource is known by kind, namespace and name; cluster-wide ones by "-"', () => {
	expect(keyOf(parsed({ ...route(), metadata: { name: 'a', namespace: 'shop' } }) as never)).toBe('HTTPRoute/shop/a')
	expect(keyOf(parsed(namespace()) as never)).toBe('Namespace/-/shop')
	expect(Metadata.parse({ name: 'a' }).namespace).toBe('default')
})
