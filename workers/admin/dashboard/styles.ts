/** The dashboard's looks: system fonts, both colour schemes, nothing from elsewhere. */
export const styles = `
:root {
	color-scheme: light dark;
	--ink: light-dark(#1c2024, #e6e8ea);
	--quiet: light-dark(#5b646d, #9ba3ab);
	--paper: light-dark(#fbfbfa, #15181b);
	--card: light-dark(#ffffff, #1c2024);
	--line: light-dark(#e2e5e8, #2d3338);
	--accent: light-dark(#1f5f8b, #7cb7e0);
	--good: light-dark(#1a6b3c, #7bd1a0);
	--bad: light-dark(#a3261b, #ff9d92);
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
	margin: 0 auto;
	max-width: 76rem;
	padding: 0 1.25rem 3rem;
	background: var(--paper);
	color: var(--ink);
	font: 0.9375rem/1.5 system-ui, sans-serif;
}
header { display: flex; align-items: baseline; gap: 1rem; padding: 1.25rem 0 0.5rem; }
h1 { margin: 0; font-size: 1.25rem; letter-spacing: 0.01em; }
h2 { margin: 2rem 0 0.5rem; font-size: 1rem; }
#state { flex: 1; margin: 0; }
.count, .hint, .empty, .quiet, #state { color: var(--quiet); font-weight: 400; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; background: var(--card); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0.75rem; text-align: start; vertical-align: top; }
th { color: var(--quiet); font-weight: 500; white-space: nowrap; border-bottom: 1px solid var(--line); }
tr + tr td { border-top: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
ul { margin: 0; padding: 0; list-style: none; }
.good { color: var(--good); }
.bad { color: var(--bad); }
#trouble, #refused { color: var(--bad); }
#sign-in { display: grid; gap: 0.5rem; max-width: 24rem; margin: 4rem auto; }
input, button { padding: 0.45rem 0.7rem; border: 1px solid var(--line); border-radius: 6px; font: inherit; }
input { background: var(--card); color: inherit; }
button { background: var(--card); color: var(--accent); cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
`
