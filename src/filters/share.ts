/** Whether a request belongs to the share of them that something happens to. */

/** `share` is 0–1: 0 is never, 1 or undefined always. `random` is uniform in [0, 1), drawn anew for each question. */
export const isDrawn = (share: number | undefined, random: number): boolean => share === undefined || random < share
