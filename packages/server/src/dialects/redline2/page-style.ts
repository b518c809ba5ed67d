/** The look of the payment page: readable, narrow or wide, light or dark, with nothing from elsewhere. */
export const pageStyle = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#8c959f;--hair:#d0d7de;--paper:#ffffff;--panel:#f6f8fa;--accent:#b3261e;--on-accent:#ffffff;--warn:#7d4e00;--warn-paper:#fff8e5}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#a3adb8;--line:#6e7681;--hair:#363d46;--paper:#0f1216;--panel:#181c22;--accent:#ff8a80;--on-accent:#2b0503;--warn:#f2cc60;--warn-paper:#2b2410}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:46rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0 1rem}
h2{font-size:1.15rem;margin:0 0 .5rem}
p{margin:.5rem 0}
section{background:var(--panel);border:1px solid var(--hair);border-radius:.6rem;padding:1rem;margin:1rem 0}
.soft{color:var(--soft)}
.notice{border:1px solid var(--warn);color:var(--warn);background:var(--warn-paper);border-radius:.6rem;padding:.7rem 1rem;margin:1rem 0}
.field{display:flex;flex-wrap:wrap;gap:.5rem;align-items:flex-end}
.field>div{flex:1 1 14rem;min-width:0}
label{display:block;font-weight:600;margin-bottom:.25rem}
input{font:inherit;width:100%;min-height:2.75rem;padding:.5rem .7rem;border:1px solid var(--line);border-radius:.5rem;background:var(--paper);color:var(--ink)}
input[aria-invalid=true]{border-color:var(--accent);border-width:2px}
button{font:inherit;font-weight:600;min-height:2.75rem;border:1px solid transparent;border-radius:.5rem;padding:.5rem 1rem;background:var(--accent);color:var(--on-accent);cursor:pointer}
button.quiet{background:none;color:var(--ink);border-color:var(--line)}
button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
a{color:var(--accent)}
.error{color:var(--accent);font-weight:600}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem;margin:1rem 0 0}
.figures div{border-top:3px solid var(--accent);padding-top:.35rem}
.figures dt{color:var(--soft)}
.figures dd{margin:0;font-size:1.35rem;font-weight:600;overflow-wrap:anywhere}
.packs{list-style:none;margin:0;padding:0}
.packs li{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;justify-content:space-between;padding:.6rem 0}
.packs li+li{border-top:1px solid var(--hair)}
output{display:block;min-height:1.6rem;margin-top:.5rem;font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding-bottom:.35rem}
th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-top:1px solid var(--hair);vertical-align:top}
.number{text-align:right;padding-right:0;padding-left:.75rem;white-space:nowrap}
@media (max-width:34rem){thead{position:absolute;clip-path:inset(50%)}tr{display:grid;grid-template-columns:1fr auto;border-top:1px solid var(--hair);padding:.35rem 0}td{border:0;padding:0}td:nth-child(2){grid-row:2;color:var(--soft)}td:nth-child(4){grid-row:2;color:var(--soft)}td:nth-child(4)::before{content:"left "}}
code{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
`;
