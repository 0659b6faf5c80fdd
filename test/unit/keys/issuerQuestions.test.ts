/** How often issuers are asked for keys that nobody knows: seldom, whatever strangers make up. */
import { expect, it } from 'vitest'
import { createQuestions, mayAsk, noteAbsent } from '../../../src/keys/issuerQuestions.ts'
import { usersRow } from '../../../src/keys/userIssuers.ts'

const NOW = 1_000_000

it('an issuer is asked once in ten seconds, each by itself', () => {
	const questions = createQuestions()
	const asked = [0, 1, 9_999, 10_000, 19_999, 20_000].filter((ms) => mayAsk(questions, 'a', `k${ms}`, NOW + ms))
	expect(asked).toEqual([0, 10_000, 20_000])
	expect([mayAsk(questions, 'b', undefined, NOW), mayAsk(questions, 'b', undefined, NOW)]).toEqual([true, false])
})

it('a key that was not there is not asked for again for a minute; whatever keys there are, are', () => {
	const questions = createQuestions()
	noteAbsent(questions, 'a', 'k', NOW)
	expect(mayAsk(questions, 'a', 'k', NOW + 59_999)).toBe(false)
	expect(mayAsk(questions, 'b', 'k', NOW + 59_999)).toBe(true)
	expect(mayAsk(questions, 'a', 'k', NOW + 60_000)).toBe(true)
	expect(mayAsk(questions, 'a', undefined, NOW + 70_000)).toBe(true)
})

it('of those that were not there ten thousand are remembered, the latest', () => {
	const questions = createQuestions()
	for (let i = 0; i < 10_001; i++) noteAbsent(questions, 'a', `k${i}`, NOW)
	expect(questions.absent.size).toBe(10_000)
	expect([mayAsk(questions, 'a', 'k10000', NOW), mayAsk(questions, 'a', 'k0', NOW)]).toEqual([false, true])
})

it('keys for users and keys for workloads of one issuer are kept under two names', () => {
	const row = usersRow.of('https://a.example#https://a.example/keys')
	expect(row).not.toBe('https://a.example#https://a.example/keys')
	expect(usersRow.issuerOf(row)).toBe('https://a.example#https://a.example/keys')
})
