/** The report's style. The report is one file: nothing is fetched. */
export const style = `
:root { color-scheme: light; --ink: #1f2933; --faint: #616e7c; --rule: #e4e7eb; --accent: #0b7285; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f7fa; color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
header { background: linear-gradient(120deg, #073b47, #0b7285); color: #fff; padding: 44px 24px 40px; }
header > div, main { max-width: 1130px; margin: 0 auto; }
h1 { margin: 0 0 6px; font-size: 30px; letter-spacing: -0.01em; }
header p { margin: 0; max-width: 74ch; opacity: 0.92; }
dl { display: flex; flex-wrap: wrap; gap: 8px 34px; margin: 22px 0 0; }
dt { font-size: 11px; text-transform: uppercase; letter-spacing: 0.07em; opacity: 0.75; }
dd { margin: 0; font-weight: 600; }
section { background: #fff; border-radius: 12px; padding: 24px 26px; margin: 22px 0; box-shadow: 0 1px 3px #0000001a; }
h2 { margin: 0 0 4px; font-size: 20px; }
section > p { margin: 0 0 16px; color: var(--faint); max-width: 88ch; }
svg { display: block; width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 12px; font-weight: 600; color: var(--faint); border-bottom: 2px solid var(--rule); }
th, td { padding: 5px 10px 5px 0; vertical-align: top; }
td { border-bottom: 1px solid var(--rule); }
.numbers { font-size: 13px; }
.goals td:nth-child(-n + 3) { min-width: 84px; }
td i { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 7px; }
small { color: var(--faint); }
.yes, .no, .none { padding: 1px 9px; border-radius: 9px; font-size: 12px; font-weight: 600; white-space: nowrap; }
.yes { background: #d3f9d8; color: #2b8a3e; }
.no { background: #ffe3e3; color: #c92a2a; }
.none { background: var(--rule); color: var(--faint); }
details { margin-top: 18px; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 0 0 18px; }
.tiles div { flex: 1 1 108px; background: #f5f7fa; border-radius: 9px; padding: 10px 14px; }
.tiles b { display: block; font-size: 17px; white-space: nowrap; }
.tiles span { font-size: 12px; color: var(--faint); }
@media print { section { break-inside: avoid; box-shadow: none; } }
`;
