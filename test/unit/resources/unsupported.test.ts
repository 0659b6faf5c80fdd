/** What is said about fields that are not offered. */
import { expect, test } from 'vitest'
import { notOffered } from '../../../src/resources/unsupported.ts'

test('a field that is not offered is named, with the reason where it is a lasting one', () => {
	expect(notOffered('retry')).toBe("this mesh does not support 'retry' yet")
	expect(notOffered('tls', 'it ends elsewhere')).toBe("this mesh does not support 'tls': it ends elsewhere")
})
