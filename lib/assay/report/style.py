"""The page: its template and its style. Figures take their colours from the same variables."""

import string

# Okabe & Ito's colours, told apart by colour-blind readers; darkened or lightened to be legible as lines.
LIGHT = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#5b636d",
    "rule": "#d9dee3",
    "wash": "#f5f7f9",
    "band": "#e6ebf0",
    "s1": "#0067a5",
    "s2": "#c85200",
    "s3": "#00845f",
    "s4": "#b2568f",
    "s5": "#3d3d8f",
    "s6": "#8f6b00",
}
DARK = {
    "paper": "#14171a",
    "ink": "#e8eaed",
    "muted": "#a0a8b1",
    "rule": "#343a41",
    "wash": "#1c2025",
    "band": "#2a3037",
    "s1": "#56b4e9",
    "s2": "#f28e4b",
    "s3": "#3fc79a",
    "s4": "#dd8fc0",
    "s5": "#a9a9f5",
    "s6": "#e6bf4a",
}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


STYLE = (
    f"""
:root{{color-scheme:light dark;{_variables(LIGHT)}}}
@media (prefers-color-scheme:dark){{@media screen{{:root{{{_variables(DARK)}}}}}}}
"""
    + """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 24px 96px}
h1{font-size:clamp(26px,4.6vw,40px);line-height:1.15;letter-spacing:-.02em;margin:0 0 12px;max-width:24em;
text-wrap:balance}
h2{font-size:22px;line-height:1.25;letter-spacing:-.01em;margin:72px 0 12px}
h3{font-size:16px;margin:32px 0 8px}
p{margin:0 0 12px;max-width:44em}
p,li,h1,h2,h3,td,th,dd,figcaption{overflow-wrap:anywhere}
.quiet,figcaption,small{color:var(--muted);font-size:14px}
.facts{color:var(--muted);margin:0}
ul.plain{list-style:none;padding:0;margin:0}
a{color:inherit}
.tally{font-size:18px;margin:28px 0 20px}
.verdict{display:grid;grid-template-columns:minmax(0,1fr) 340px;gap:8px 40px;padding:22px 0;
border-top:1px solid var(--rule);
break-inside:avoid}
.verdict>*{min-width:0}
.verdict h3{margin:6px 0 6px;font-size:18px;line-height:1.35}
.verdict p{margin:0 0 6px}
.badge{display:inline-block;font-size:13px;font-weight:650;padding:1px 10px;border-radius:99px;
border:1.5px solid currentColor}
.confirmed{color:var(--s3)}.refuted{color:var(--s2)}.equivalent{color:var(--s1)}.inconclusive,.other{
color:var(--muted)}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:2px 16px;margin:0;font-size:14px}
dt{color:var(--muted)}dd{margin:0}
.scroll{overflow-x:auto;margin:16px 0;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;font-size:14px;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:7px 14px 7px 0;border-bottom:1px solid var(--rule)}
.scroll td,.scroll th{overflow-wrap:normal}
th{font-weight:600}thead th{color:var(--muted);font-weight:500;vertical-align:bottom;
border-bottom-color:var(--muted)}
.number{text-align:right;white-space:nowrap}
sup{line-height:0}
td small{display:block;white-space:normal}
pre{background:var(--wash);border-radius:6px;padding:12px 14px;margin:8px 0;overflow-x:auto;font-size:13px;
line-height:1.5}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
pre code{user-select:all;-webkit-user-select:all}
figure{margin:16px 0 0}figcaption{margin-top:6px;max-width:52em}
svg{display:block;width:100%;height:auto;font-family:system-ui,sans-serif}
svg *{stroke-linejoin:round;stroke-linecap:butt}
.pair{display:flex;flex-wrap:wrap;gap:0 56px}.pair figure{flex:1 1 340px;min-width:0;margin:0}
svg.line{margin-bottom:8px;max-width:340px;font-size:12px;fill:var(--muted)}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,236px),1fr));gap:20px 22px;
margin:16px 0}
.grid figure{margin:0;break-inside:avoid;display:flex;flex-direction:column;justify-content:flex-end}
.made{display:grid;gap:20px 32px;margin:16px 0}
.made figure{margin:0;min-width:0;break-inside:avoid;display:flex;flex-direction:column;
justify-content:flex-end}
.made figcaption{margin:0 0 6px;color:var(--ink);font-weight:600}.made small{font-weight:400}
.made img{display:block;max-width:100%;height:auto;image-rendering:pixelated}
.made pre{margin:0 0 auto;max-height:320px;overflow-y:auto;white-space:pre-wrap;overflow-wrap:anywhere}
.sets>div+div{margin-top:16px}
.grid figcaption{margin:0 0 2px;color:var(--ink);font-weight:600;font-size:14px}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;font-size:14px;margin:12px 0;padding:0;list-style:none}
.legend li{display:flex;align-items:center;gap:8px}.legend svg{width:34px;flex:none}
@media (max-width:760px){main{padding:28px 16px 64px}h2{margin-top:56px}.verdict{
grid-template-columns:minmax(0,1fr)}}
@media print{@page{margin:16mm 14mm}body{font-size:10.5pt}main{max-width:none;padding:0}h1{font-size:22pt}
h2{margin-top:26pt;break-after:avoid}h3,.legend,section>.quiet{break-after:avoid;break-inside:avoid}.verdict{
grid-template-columns:minmax(0,1fr) 230px}
.scroll{overflow:visible}table,dl,.quiet,figcaption,small{font-size:8.5pt}pre{white-space:pre-wrap;
overflow-wrap:anywhere;
border:1px solid var(--rule)}tr,figure{break-inside:avoid}thead{display:table-header-group}.scroll svg{
min-width:0!important}
.grid{grid-template-columns:repeat(3,minmax(0,1fr))}.made pre{max-height:none}}
"""
)

PAGE = string.Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")
