/** A share of the requests, 0–1, however the document writes it; all of them when it says nothing. */
export function shareOf({
	percent,
	fraction,
}: {
	readonly percent?: number
	readonly fraction?: { readonly numerator: number; readonly denominator: number }
}): number {
	if (fraction !== undefined) return fraction.numerator / fraction.denominator
	return percent === undefined ? 1 : percent / 100
}
