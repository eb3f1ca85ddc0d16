"""The look of the report: two themes by the reader's system, one column on a phone."""

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbf9; --ink: #1d2126; --soft: #5d6670;
  --line: #d8dbd8; --card: #ffffff; --accent: #1f6f8b; --hump: #8fc1d4; --bad: #b3261e;
  --warn: #8a5a00; --r0: #9fb8c2; --r1: #6aa0b0; --r2: #c99a2e; --r3: #d2691e; --r4: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --ink: #e6e9ea;
  --soft: #9aa5ad; --line: #333b42; --card: #1b2126; --accent: #6cc3df; --hump: #2d6075;
  --bad: #ff8a80; --warn: #f0b95b; --r0: #4b626c; --r1: #5f9fb3; --r2: #d9b04a; --r3: #f0924a;
  --r4: #ff6f61; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 20px 16px 60px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.1rem; margin: 36px 0 8px; }
h3 { font-size: .95rem; margin: 16px 0 6px; font-weight: 600; }
p, li { max-width: 75ch; }
.soft, .key { color: var(--soft); font-size: .87rem; }
.doubts { border-left: 4px solid var(--warn); background: var(--card); padding: 8px 14px;
  margin: 16px 0; }
.doubts ul { margin: 4px 0; padding-left: 18px; }
.failed { color: var(--bad); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0;
  background: var(--card); }
th { color: var(--soft); font-weight: 600; font-size: .85rem; }
tr:last-child td { border-bottom: 0; }
.words, .words:first-child { white-space: normal; text-align: left; }
.grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px;
  align-items: start; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 12px; min-width: 0; }
.card h3 { margin-top: 0; }
.faces, .portraits { margin: 8px 0 14px; display: flex; flex-wrap: wrap; gap: 10px; }
.faces svg { width: 220px; } .portraits svg { width: 160px; }
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .tick { fill: var(--soft); font-size: 11px; }
svg .name { font-size: 11.5px; } svg .number { font-size: 10px; font-weight: 700; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg .hump { fill: var(--hump); } svg .mark { stroke: var(--ink); stroke-width: 1.2; }
svg .p50 { stroke: var(--accent); stroke-width: 2.2; }
svg .base { stroke: var(--line); } svg .leader { stroke: var(--soft); stroke-width: .8; }
svg .plate { fill: var(--card); fill-opacity: .8; }
svg .dot { fill: var(--hump); stroke: var(--accent); fill-opacity: .5; }
svg .front { fill: none; stroke: var(--accent); stroke-dasharray: 5 4; }
svg .curve { fill: none; stroke: var(--accent); stroke-width: 1.5; }
svg .bad { stroke: var(--bad); stroke-width: 2; }
svg .contour { fill: none; stroke-width: 2; } svg .point { stroke: none; }
svg .contour.r0 { stroke: var(--r0); } svg .point.r0 { fill: var(--r0); }
svg .contour.r1 { stroke: var(--r1); } svg .point.r1 { fill: var(--r1); }
svg .contour.r2 { stroke: var(--r2); } svg .point.r2 { fill: var(--r2); }
svg .contour.r3 { stroke: var(--r3); } svg .point.r3 { fill: var(--r3); }
svg .contour.r4 { stroke: var(--r4); } svg .point.r4 { fill: var(--r4); }
svg .overlay { fill: none; stroke-width: 1.1; }
svg .overlay.float { stroke: #50dc50; } svg .overlay.other { stroke: #ff3c3c; }
.key { columns: 2; column-gap: 14px; margin: 8px 0 0; padding-left: 20px; font-size: .82rem; }
.key li { padding-left: 2px; break-inside: avoid; }
@media (max-width: 720px) { .grid { grid-template-columns: minmax(0, 1fr); }
  body { font-size: 14px; } main { padding: 14px 12px 40px; } .key { columns: 1; }
  th, td { padding: 5px 7px; } td.words { min-width: 150px; }
  td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 124px; }
  svg .tick, svg .name { font-size: 14px; } svg .number { font-size: 12px; } }
"""
