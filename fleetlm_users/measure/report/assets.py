"""The looks of the HTML report: its style sheet for light, dark and paper, and the script of the charts' crosshair."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --bg: #f4f5f8; --card: #fff; --ink: #1b2330; --dim: #667085; --rule: #e3e6ec;
  --pass: #15803d; --fail: #c62828; --inconclusive: #b45309; --c1: #2563c9; --c2: #d97a06; --c3: #b8326f; --c4: #0f8a7e;
  --warm: #94a3b826; --shadow: 0 1px 2px #10182814, 0 1px 8px #1018280a; }
@media (prefers-color-scheme: dark) { :root { --bg: #0f131a; --card: #171d27; --ink: #e6eaf2; --dim: #94a0b4;
  --rule: #2a3342; --pass: #4ade80; --fail: #ff7b72; --inconclusive: #fbbf24; --c1: #6aa5ff; --c2: #f5a742;
  --c3: #f078ae; --c4: #45d0c0; --warm: #94a3b81c; --shadow: none; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, Helvetica,
  Arial, sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 13px; text-transform: uppercase; letter-spacing: .08em; color: var(--dim); margin: 32px 0 10px; }
h2 .name { text-transform: none; letter-spacing: 0; }
small, .dim { color: var(--dim); }
header { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: center; justify-content: space-between; }
header p { margin: 4px 0 0; color: var(--dim); overflow-wrap: anywhere; }
.badge { font-weight: 700; font-size: 18px; letter-spacing: .05em; padding: 8px 18px; border-radius: 999px;
  border: 2px solid currentColor; white-space: nowrap; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .inconclusive { color: var(--inconclusive); }
.card { background: var(--card); border-radius: 10px; box-shadow: var(--shadow); border: 1px solid var(--rule); }
.reasons { margin: 18px 0 0; padding: 12px 16px; list-style: none; }
.reasons li { padding: 2px 0 2px 24px; text-indent: -24px; overflow-wrap: anywhere; }
.reasons b { display: inline-block; width: 24px; text-indent: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 20px; }
.tile { padding: 12px 16px; } .tile b { display: block; font-size: 24px; line-height: 1.25; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile small { display: block; }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
@media (max-width: 820px) { .charts { grid-template-columns: minmax(0, 1fr); } main { padding: 16px 12px 32px; } }
.chart { margin: 0; padding: 12px 16px 8px; background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  box-shadow: var(--shadow); break-inside: avoid; }
figcaption { display: flex; flex-wrap: wrap; gap: 0 8px; align-items: baseline; }
.keys { margin-left: auto; display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 13px; }
.key::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 5px;
  vertical-align: middle; background: var(--k, var(--dim)); }
.c1 { --k: var(--c1); } .c2 { --k: var(--c2); } .c3 { --k: var(--c3); } .c4 { --k: var(--c4); }
.plot { display: grid; grid-template: 170px 22px / 46px minmax(0, 1fr); margin-top: 10px; font-size: 11.5px;
  color: var(--dim); font-variant-numeric: tabular-nums; }
.plot.bare { grid-template-columns: 0 minmax(0, 1fr); }
.y, .x, .area { position: relative; }
.y span { position: absolute; right: 8px; transform: translateY(50%); line-height: 1; }
.x { grid-column: 2; } .x span { position: absolute; top: 6px; transform: translateX(-50%); line-height: 1;
  white-space: nowrap; } .x span:first-child { transform: none; }
svg { width: 100%; height: 100%; display: block; overflow: visible; }
.grid { stroke: var(--rule); fill: none; } .warm { fill: var(--warm); }
.line { fill: none; stroke: var(--k); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.grid, .line, .mark { vector-effect: non-scaling-stroke; }
.bar { fill: var(--c1); opacity: .8; }
path.mark { stroke: var(--ink); stroke-dasharray: 3 4; fill: none; opacity: .55; }
.cross { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--dim); pointer-events: none;
  display: none; }
.tip { position: absolute; top: 4px; padding: 6px 9px; border-radius: 6px; background: var(--ink); color: var(--card);
  font-size: 12px; line-height: 1.45; white-space: nowrap; pointer-events: none; z-index: 1; display: none; }
.scroll { overflow-x: auto; break-inside: avoid; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 6px 12px; text-align: right; white-space: nowrap; border-top: 1px solid var(--rule); }
thead th { border-top: 0; color: var(--dim); font-weight: 600; font-size: 12.5px; }
th:first-child, td:first-child { text-align: left; } tbody th { font-weight: 500; }
tr.sub th { padding-left: 30px; color: var(--dim); font-weight: 400; }
.rules { margin: 0; padding: 0; list-style: none; font-size: 14px; font-variant-numeric: tabular-nums; }
.rules li { display: grid; grid-template: "sign subject condition measured told" / 22px 3fr 2fr 1.2fr 2fr; gap: 0 12px;
  padding: 7px 16px; border-top: 1px solid var(--rule); align-items: baseline; } .rules li:first-child { border: 0; }
.sign { grid-area: sign; font-weight: 700; } .subject { grid-area: subject; overflow-wrap: anywhere; }
.condition { grid-area: condition; } .measured { grid-area: measured; text-align: right; font-weight: 600; }
.told { grid-area: told; text-align: right; color: var(--dim); }
@media (max-width: 640px) { .rules li { grid-template: "sign subject measured" "sign condition told" / 16px 1fr auto;
  padding: 7px 12px; } .condition { color: var(--dim); } th, td { padding: 5px 8px; } table { font-size: 13px; }
  tr.sub th { padding-left: 20px; } }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 14px;
  align-items: start; }
.pair h2 { margin-top: 18px; } .pair > div { min-width: 0; }
dl { margin: 0; padding: 10px 16px; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 16px;
  font-size: 14px; } dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 36px; color: var(--dim); font-size: 13px; }
@media (max-width: 480px) { dl { grid-template-columns: minmax(0, 1fr); } dd { margin-bottom: 6px; } .tile b {
  font-size: 20px; } .tiles { grid-template-columns: 1fr 1fr; } }
@media print { :root { color-scheme: light; --bg: #fff; --card: #fff; --ink: #000; --dim: #555; --rule: #ccc;
  --pass: #15803d; --fail: #c62828; --inconclusive: #b45309; --c1: #2563c9; --c2: #d97a06; --c3: #b8326f; --c4: #0f8a7e;
  --shadow: none; } body { font-size: 12px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { padding: 0; max-width: none; } h2 { break-after: avoid; } .scroll { overflow: visible; } }
"""

# The page is complete without it: it only shows values under the pointer, at the same second in every chart.
SCRIPT: Final = """
for (const chart of document.querySelectorAll('figure.chart')) {
  const source = chart.querySelector('script'); if (!source) continue;
  const area = chart.querySelector('.area');
  chart.data = JSON.parse(source.textContent);
  for (const name of ['cross', 'tip']) { chart[name] = document.createElement('div'); chart[name].className = name;
    area.append(chart[name]); }
  area.addEventListener('pointermove', event => { const box = area.getBoundingClientRect();
    show(chart, Math.min(Math.max((event.clientX - box.left) / box.width, 0), .9999)); });
  area.addEventListener('pointerleave', () => show(null, 0));
}
function show(chosen, share) {
  for (const chart of document.querySelectorAll('figure.chart')) {
    if (!chart.data) continue;
    chart.cross.style.display = chosen ? 'block' : 'none'; chart.cross.style.left = share * 100 + '%';
    chart.tip.style.display = chart === chosen ? 'block' : 'none';
    if (chart !== chosen) continue;
    const lines = chart.data.lines, at = Math.floor(share * lines[0][1].length), second = at * chart.data.step;
    const clock = Math.floor(second / 60) + ':' + String(second % 60).padStart(2, '0');
    chart.tip.replaceChildren(clock, ...lines.flatMap(([name, values]) =>
      [document.createElement('br'), name + ' ' + (values[at] ?? '\\u2013')]));
    chart.tip.style.left = share < .6 ? 'calc(' + share * 100 + '% + 10px)' : 'auto';
    chart.tip.style.right = share < .6 ? 'auto' : 'calc(' + (1 - share) * 100 + '% + 10px)';
  }
}
"""
