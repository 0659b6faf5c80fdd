/** By what name the keys of an issuer of end users' tokens are kept: the same issuer's may be kept for workloads that join, too. */

const PREFIX = 'users '

/** `name`: see `keysName`. No issuer for joining has a space in its name. */
export const usersRow = {
	of: (name: string): string => PREFIX + name,
	issuerOf: (row: string): string => row.slice(PREFIX.length),
}
