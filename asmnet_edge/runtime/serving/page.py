"""The page that `asmnet_edge.runtime.serving.serve` shows; ``query`` carries the token on.

A browser shows the last picture of a stream for ever once it ends or stalls, and does not say so.
The page therefore asks for the stream again when it breaks, when the page comes back into view, and
when its own clock has stood still (a notebook that slept).
"""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>asmnet-edge</title>
<meta name="viewport" content="width=device-width">
<style>body{{margin:0;background:#202124;color:#eee;font:15px system-ui,sans-serif}}
main{{max-width:960px;margin:0 auto;padding:12px}}img{{width:100%;background:#000}}
pre{{white-space:pre-wrap}}</style>
<main><img id="view" src="stream.mjpg{query}" alt="camera with landmarks">
<pre id="facts">...</pre></main>
<script>
const facts = document.getElementById("facts"), view = document.getElementById("view");
let gone = false, last = Date.now(), refused = "", again;
function show(fresh) {{ view.style.opacity = fresh ? 1 : 0.2; }}  // an old picture looks old
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
    facts.textContent = refused + (answer.fresh
      ? `${{answer.faces.length}} face(s), ${{answer.per_second}} pictures a second\\n` +
        answer.faces.map(f => `#${{f.track}} yaw ${{f.pose.yaw}}, pitch ${{f.pose.pitch}}, ` +
          `roll ${{f.pose.roll}}, quality ${{f.quality}}`).join("\\n")
      : "no new picture");
  }} catch (error) {{ gone = true; show(false); facts.textContent = "no answer"; }}
  setTimeout(ask, 500);
}}
ask();
</script></html>
"""
