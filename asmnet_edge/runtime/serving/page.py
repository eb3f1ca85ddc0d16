"""The page that `asmnet_edge.runtime.serving.serve` shows; ``query`` carries the token on.

A browser shows the last picture of a stream for ever once it ends or stalls, and does not say so.
The page therefore asks for the stream again when it breaks, when the page comes back into view, and
when its own clock has stood still (a notebook that slept).
"""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>asmnet-edge</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>
:root{{color-scheme:light dark}}
body{{margin:0;height:100vh;height:100dvh;display:grid;background:Canvas;color:CanvasText;
  font:15px/1.5 system-ui,sans-serif;grid:auto minmax(0,1fr)/minmax(0,1fr) 15rem}}
#state{{grid-column:1/-1;padding:.4rem .8rem;font-weight:600}}
img{{width:100%;height:100%;object-fit:contain;object-position:top}}
pre{{margin:0;padding:0 .8rem;overflow:auto;font:inherit;white-space:pre-wrap}}
@media (max-aspect-ratio:1/1){{body{{grid:auto auto minmax(0,1fr)/minmax(0,1fr)}}
  img{{height:auto;max-height:60dvh}}pre{{padding:.4rem .8rem}}}}
</style>
<div id="state">...</div><img id="view" src="stream.mjpg{query}" alt="camera with landmarks">
<pre id="facts"></pre>
<script>
const [state, facts, view] = ["state", "facts", "view"].map(i => document.getElementById(i));
let gone = false, last = Date.now(), refused = "", again;
function show(fresh) {{ view.style.opacity = fresh ? 1 : 0.2; }}  // an old picture looks old
function tell(line, faces) {{
  state.textContent = line;
  facts.textContent = faces.map(f => `#${{f.track}}  quality ${{f.quality.toFixed(2)}}\\n` +
    Object.entries(f.pose).map(([axis, angle]) => `${{axis}} ${{Math.round(angle)}}°`).join(", ")
  ).join("\\n\\n");
}}
function stream() {{ return "stream.mjpg{query}" + ("{query}" ? "&" : "?") + Date.now(); }}
function reload() {{ clearTimeout(again); view.src = stream(); }}
function within(ms) {{  // a signal that ends what takes longer
  const stop = new AbortController();
  setTimeout(() => stop.abort(), ms);
  return stop.signal;
}}
async function why() {{  // no picture: an <img> does not tell the reason
  const stop = new AbortController();
  try {{
    const answer = await fetch(stream(), {{signal: stop.signal}});
    refused = answer.status == 503 ? await answer.text() : "";
  }} catch (error) {{ refused = ""; }}
  stop.abort();
  clearTimeout(again);
  again = setTimeout(reload, 2000);
}}
view.onerror = why;
view.onload = () => {{ refused = ""; }};
document.onvisibilitychange = () => {{ if (!document.hidden) reload(); }};
async function ask() {{
  const now = Date.now();
  if (now - last > 3000 && !document.hidden) reload();
  last = now;
  try {{
    const answer = await (await fetch("faces.json{query}",
      {{signal: within(2500)}})).json();
    if (gone) reload();
    gone = false;
    show(answer.fresh);
    const count = answer.faces.length, plural = count == 1 ? "" : "s";
    tell(refused + (answer.fresh
      ? `${{count}} face${{plural}}, ${{answer.per_second}} pictures a second`
      : "no new picture"), answer.faces);
  }} catch (error) {{ gone = true; show(false); tell("no answer", []); }}
  setTimeout(ask, 500);
}}
ask();
</script></html>
"""
