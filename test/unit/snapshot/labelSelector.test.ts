/** Kubernetes label selectors: every label and every expression must hold. */
import { describe, expect, it } from 'vitest'
import type { LabelSelector } from '../../../src/resources/labelSelector.ts'
import { selects } from '../../../src/snapshot/policies/labelSelector.ts'

type Operator = LabelSelector['matchExpressions'][number]['operator']

const expression = (operator: Operator, values: string[] = []): LabelSelector => ({
	matchLabels: {},
	matchExpressions: [{ key: 'team', operator, values }],
})
const labels = (matchLabels: Record<string, string>): LabelSelector => ({ matchLabels, matchExpressions: [] })

describe('a label selector', () => {
	it.each<[string, LabelSelector, Record<string, string>, boolean]>([
		['that is empty takes what has no labels', labels({}), {}, true],
		['that is empty takes what has labels', labels({}), { team: 'x' }, true],
		['takes an equal label', labels({ team: 'x' }), { team: 'x', tier: 'y' }, true],
		['refuses another value', labels({ team: 'x' }), { team: 'y' }, false],
		['refuses an absent label', labels({ team: 'x' }), {}, false],
		['wants all of its labels', labels({ team: 'x', tier: 'y' }), { team: 'x' }, false],
		['In takes a listed value', expression('In', ['x', 'y']), { team: 'y' }, true],
		['In refuses another', expression('In', ['x', 'y']), { team: 'z' }, false],
		['In refuses an absent label', expression('In', ['x']), {}, false],
		['NotIn refuses a listed value', expression('NotIn', ['x']), { team: 'x' }, false],
		['NotIn takes another', expression('NotIn', ['x']), { team: 'y' }, true],
		['NotIn takes an absent label', expression('NotIn', ['x']), {}, true],
		['Exists takes any value, even an empty one', expression('Exists'), { team: '' }, true],
		['Exists refuses an absent label', expression('Exists'), {}, false],
		['DoesNotExist takes an absent label', expression('DoesNotExist'), { tier: 'x' }, true],
		['DoesNotExist refuses even an empty one', expression('DoesNotExist'), { team: '' }, false],
		['wants labels and expressions', { ...expression('Exists'), matchLabels: { tier: 'y' } }, { team: 'x' }, false],
	])('%s', (_, selector, on, expected) => {
		expect(selects(selector, on)).toBe(expected)
	})

	it('wants all of its expressions', () => {
		const both: LabelSelector = {
			matchLabels: {},
			matchExpressions: [
				{ key: 'team', operator: 'Exists', values: [] },
				{ key: 'team', operator: 'NotIn', values: ['x'] },
			],
		}
		expect([selects(both, { team: 'y' }), selects(both, { team: 'x' }), selects(both, {})]).toEqual([
			true,
			false,
			false,
		])
	})
})
