/** The dashboard's HTML. Everything that varies is filled in by its script, as text, but for why a login was refused. */

interface Pieces {
	readonly nonce: string
	readonly styles: string
	readonly script: string
	/** Whether the browser needs no token. */
	readonly byLogin: boolean
	/** Why somebody who showed a credential is not signed in; empty for whoever showed none. */
	readonly refused: string
}

const escaped = (text: string): string => text.replace(/[&<>]/g, (special) => `&#${special.charCodeAt(0)};`)

const section = (id: string, title: string, columns: readonly string[]): string => `
		<section aria-labelledby="${id}-title">
			<h2 id="${id}-title">${title} <span class="count" id="${id}-count"></span></h2>
			<div class="scroll">
				<table>
					<thead><tr>${columns.map((column) => `<th scope="col">${column}</th>`).join('')}</tr></thead>
					<tbody id="${id}"></tbody>
				</table>
			</div>
			<p class="empty" id="${id}-empty" hidden></p>
		</section>`

export const markup = ({ nonce, styles, script, byLogin, refused }: Pieces): string => `<!doctype html>
<html lang="en">
<head>
	<meta charset="utf-8">
	<meta name="viewport" content="width=device-width, initial-scale=1">
	<meta name="color-scheme" content="light dark">
	<title>Selvedge</title>
	<style nonce="${nonce}">${styles}</style>
</head>
<body${byLogin ? ' data-login="access"' : ''}>
	<header>
		<h1>Selvedge</h1>
		<p id="state" role="status"></p>
		<button type="button" id="sign-out" hidden>Sign out</button>
	</header>
	<noscript><p>The dashboard needs JavaScript; the API does not.</p></noscript>
	<form id="sign-in" hidden>
		<label for="token">API token</label>
		<input id="token" type="password" autocomplete="off" spellcheck="false" required maxlength="512">
		<button type="submit">Sign in</button>
		<p id="refused" role="alert">${escaped(refused)}</p>
		<p class="hint">Kept in this tab only, until you close it. The role viewer is enough.</p>
	</form>
	<main id="views" hidden>
		<p id="trouble" role="alert" hidden></p>
${section('services', 'Services', ['Service', 'Host', 'Endpoints', 'Requests', 'Errors', 'Refused', 'Mean'])}
${section('routing', 'Gateways and routes', ['Resource', 'Hostnames', 'Conditions'])}
${section('regions', 'Regions', ['Region', 'Isolates', 'Oldest revision', 'Snapshot age', 'Sync failures'])}
${section('keys', 'Keys', ['Purpose', 'Signs', 'Next', 'Next rotation', 'Trouble'])}
${section('outside', 'Keys of others', ['Of', 'For', 'Fetched', 'Trouble'])}
${section('access', 'Authorization', ['Policy', 'Service', 'Effect', 'Requests'])}
${section('revisions', 'Revisions', ['Revision', 'When', 'Who', 'Cause', 'Changes'])}
	</main>
	<script nonce="${nonce}">${script}</script>
</body>
</html>
`
