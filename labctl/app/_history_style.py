"""How a sample's page looks, on a screen by day or night and on A4."""

STYLE = """
.labctl { --ink: #1d2329; --soft: #5d6873; --line: #dfe3e7; --card: #ffffff; --page: #f5f6f8; --read0: #1b6ca8;
  --read1: #8e44ad; --read2: #00838f; --read3: #795548; --asked: #5d6873; --band: #2a8f5b; --warn: #b36b00;
  --alarm: #c0392b; --good: #1e7d4a; --info: #1b6ca8; --warnback: #fdf3e0; --alarmback: #fbe9e7;
  color: var(--ink); background: var(--page); font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
@media screen and (prefers-color-scheme: dark) { .labctl { --ink: #e3e7eb; --soft: #98a3ae; --line: #333b44;
  --card: #1c2127; --page: #14181c; --read0: #62b0e8; --read1: #c792ea; --read2: #4dd0e1; --read3: #d7a98c;
  --asked: #98a3ae; --band: #4fc38a; --warn: #f0b35a; --alarm: #ff8577; --good: #5fd39a; --info: #62b0e8;
  --warnback: #33291a; --alarmback: #3a211f } }
body:has(> .labctl) { margin: 0 }
.labctl { padding: 1.5rem 1rem 3rem }
.labctl > * { max-width: 62rem; margin-left: auto; margin-right: auto }
.labctl h1 { font-size: 1.94em; margin: 0 auto .2rem; display: flex; gap: .7rem; align-items: center; flex-wrap: wrap }
.labctl h2 { font-size: 1.20em; margin: 0; display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap }
.labctl h3 { font-size: .89em; letter-spacing: .04em; text-transform: uppercase; color: var(--soft); font-weight: 600;
  margin: 1rem 0 .3rem }
.labctl .badge { font-size: .86em; font-weight: 600; padding: .1rem .6rem; border-radius: 1rem; color: var(--soft);
  border: 1px solid currentColor; line-height: 1.4 }
.labctl .good, .labctl .success { color: var(--good) } .labctl .suspect, .labctl .warning { color: var(--warn) }
.labctl .bad, .labctl .failed, .labctl .fail, .labctl .abort, .labctl .alarm { color: var(--alarm) }
.labctl .running, .labctl .info { color: var(--info) } .labctl .soft { color: var(--soft) }
.labctl .card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1.1rem;
  margin-top: .7rem }
.labctl .card.troubled { border-left: .3rem solid var(--warn) }
.labctl .card.ill { border-left: .3rem solid var(--alarm) }
.labctl .line { display: flex; gap: .8rem; padding: .25rem 1.1rem; color: var(--soft); font-size: .98em }
.labctl .wait { justify-content: center; font-style: italic }
.labctl .when { color: var(--soft); font-weight: 400; font-variant-numeric: tabular-nums; font-size: 1.03em }
.labctl .kind { font-weight: 400; color: var(--soft) } .labctl h1 .badge { font-size: .5em }
.labctl h2 .badge { font-size: .75em; margin-left: auto; align-self: center }
.labctl .day { font-weight: 600; margin-top: 1.4rem; margin-bottom: 0; font-size: 1.09em }
.labctl dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .6rem 0 0 }
.labctl dt { color: var(--soft) } .labctl dd { margin: 0; overflow-wrap: anywhere }
.labctl dl.values { grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .45rem 1rem }
.labctl dl.values dt { font-size: .87em } .labctl dl.values dd { font-variant-numeric: tabular-nums }
.labctl dl.values.big { grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)) }
.labctl dl.values dt { overflow-wrap: anywhere } .labctl dl.values.big dd { font-size: 1.37em; font-weight: 600 }
.labctl table { border-collapse: collapse; font-size: .94em; width: 100% } .labctl .scroll { overflow-x: auto }
.labctl th { text-align: left; color: var(--soft); font-weight: 500 }
.labctl td, .labctl th { padding: .18rem .9rem .18rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.labctl td b.alarm { display: block } .labctl td.n { text-align: right; font-variant-numeric: tabular-nums }
.labctl ul.look { list-style: none; margin: .7rem auto 0; padding: 0; font-size: 1.03em }
.labctl ul.look li { padding: .3rem .8rem; margin-top: .25rem; border-radius: .3rem; background: var(--warnback) }
.labctl ul.look li.alarm { background: var(--alarmback); color: inherit }
.labctl ul.look li.warning { color: inherit } .labctl ul.look b { color: var(--warn) }
.labctl ul.look li.alarm b { color: var(--alarm) } .labctl ul.look li.info { background: none; padding-left: 0 }
.labctl ul.look li.info { color: inherit } .labctl ul.look li.info b { color: var(--info) } .labctl a { color: inherit }
.labctl .note { color: var(--warn); margin: .5rem auto 0 } .labctl .well { color: var(--good) }
.labctl details { margin-top: .3rem } .labctl dl + details { margin-top: .6rem }
.labctl summary { cursor: pointer; color: var(--soft); font-size: .98em }
.labctl .panels { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; margin-top: .6rem }
.labctl .panels > .main { grid-column: span 2; grid-row: span 2 }
.labctl svg { width: 100%; height: auto; display: block }
@media (max-width: 44rem) { .labctl .panels { grid-template-columns: 1fr }
  .labctl .panels > .main { grid-column: auto; grid-row: auto } .labctl .wide, .labctl .main { overflow-x: auto }
  .labctl .wide svg, .labctl .main svg { min-width: 36rem } }
.labctl svg text { font: 10px system-ui, sans-serif; fill: var(--soft) }
.labctl svg .title { font-size: 11px; font-weight: 600; fill: var(--ink) }
.labctl svg .y { text-anchor: end } .labctl svg .x { text-anchor: middle } .labctl svg .legend { text-anchor: end }
.labctl svg .grid { stroke: var(--line); stroke-width: 1; fill: none } .labctl svg .axis { stroke: var(--soft) }
.labctl svg polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round } .labctl svg .c0 { stroke: var(--read0) }
.labctl svg .c1 { stroke: var(--read1) } .labctl svg .c2 { stroke: var(--read2) }
.labctl svg .c3 { stroke: var(--read3) }
.labctl svg .asked { stroke: var(--asked); stroke-dasharray: 5 3; stroke-width: 1.3 }
.labctl svg .band { fill: var(--band); opacity: .2 } .labctl svg .outside { fill: var(--warn); opacity: .16 }
.labctl svg .event { stroke: var(--info); stroke-width: 1.4; stroke-dasharray: 2 2 }
.labctl svg .event.warning { stroke: var(--warn) } .labctl svg .event.alarm { stroke: var(--alarm) }
.labctl svg .held { fill: var(--read0); opacity: .3 } .labctl svg text.state { fill: var(--ink) }
.labctl svg .lane { fill: var(--line); opacity: .45 } .labctl svg .bar { fill: var(--read0) }
.labctl svg .bar.move { fill: var(--asked) } .labctl svg .bar.fail, .labctl svg .bar.abort { fill: var(--alarm) }
.labctl .key { display: flex; gap: 1.1rem; flex-wrap: wrap; font-size: .87em; color: var(--soft); margin-top: .3rem }
.labctl .key i { display: inline-block; width: 1.3rem; height: .6rem; margin-right: .35rem; vertical-align: middle }
.labctl .key .k0 { border-top: 2px solid var(--read0); height: 0 }
.labctl .key .k1 { border-top: 2px dashed var(--asked); height: 0 }
.labctl .key .k2 { background: var(--band); opacity: .35 } .labctl .key .k3 { background: var(--warn); opacity: .3 }
.labctl figure { margin-top: 1rem; margin-bottom: 1rem } .labctl figcaption { color: var(--soft) }
.labctl figure img { max-width: 100%; max-height: 22rem; border-radius: 8px; display: block }
@page { size: A4; margin: 14mm 12mm }
@media print { .labctl { background: none; padding: 0; font-size: 10.5px; print-color-adjust: exact;
    -webkit-print-color-adjust: exact }
  .labctl .card { border-radius: 0; padding: .6rem .8rem } .labctl h2, .labctl h3, .labctl .day { break-after: avoid }
  .labctl .panels, .labctl .panels > *, .labctl tr, .labctl li { break-inside: avoid }
  .labctl details:not([open]) { display: none } .labctl a { text-decoration: none } }
"""
