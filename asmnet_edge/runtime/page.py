"""The page that `asmnet_edge.runtime.serve` shows; ``query`` carries the token on."""

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>asmnet-edge</title>
<meta name="viewport" content="width=device-width">
<style>body{{margin:0;background:#202124;color:#eee;font:15px system-ui,sans-serif}}
main{{max-width:960px;margin:0 auto;padding:12px}}img{{width:100%;background:#000}}
pre{{white-space:pre-wrap}}</style>
<main><img id="view" src="stream.mjpg{query}" alt="camera with landmarks">
<pre id="facts">...</pre></main>
<script>
const facts = document.getElementById("facts"), view = document.getElementById("view");
let gone = false;
function show(fresh) {{ view.style.opacity = fresh ? 1 : 0.2; }}  // an old picture looks old
async function ask() {{
  try {{
    const answer = await (await fetch("faces.json{query}")).json();
    if (gone) view.src = "stream.mjpg{query}" + ("{query}" ? "&" : "?") + Date.now();
    gone = false;
    show(answer.fresh);
    facts.textContent = answer.fresh
      ? `${{answer.faces.length}} face(s), ${{answer.per_second}} pictures a second\\n` +
        answer.faces.map(f => `#${{f.track}} yaw ${{f.pose.yaw}}, pitch ${{f.pose.pitch}}, ` +
          `roll ${{f.pose.roll}}, quality ${{f.quality}}`).join("\\n")
      : "no new picture";
  }} catch (error) {{ gone = true; show(false); facts.textContent = "no answer"; }}
  setTimeout(ask, 500);
}}
ask();
</script></html>
"""
