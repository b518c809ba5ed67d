/** The look of the few pages the server brings itself: readable, narrow or wide, light or dark, without anything from elsewhere. */
export const pageStyle = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--paper:#ffffff;--panel:#f6f8fa;--accent:#0b57d0;--on-accent:#ffffff}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#363d46;--paper:#0f1216;--panel:#181c22;--accent:#8ab4f8;--on-accent:#0b1a33}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:46rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0 1rem}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.5rem 0 1rem}
.soft{color:var(--soft)}
.panel{background:var(--panel);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.1rem;margin:.75rem 0}
.row{display:flex;gap:1rem;align-items:center;justify-content:space-between;flex-wrap:wrap}
h3{font-size:1.05rem;margin:.1rem 0 .4rem}
.row>*{min-width:0;overflow-wrap:anywhere}
.panel>h2{margin:.1rem 0 .6rem}
.row+.row{border-top:1px solid var(--line);margin-top:.6rem;padding-top:.6rem}
a{color:var(--accent)}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:.9em}
pre{background:var(--panel);border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
.key{font-size:1rem;overflow-wrap:anywhere;user-select:all}
button{font:inherit;font-weight:600;border:0;border-radius:.5rem;padding:.55rem 1rem;background:var(--accent);color:var(--on-accent);cursor:pointer}
button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.5rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
ul{padding-left:1.2rem}
label{display:block;font-weight:600;margin-bottom:.25rem}
input{font:inherit;width:100%;max-width:24rem;padding:.5rem .7rem;border:1px solid var(--line);border-radius:.5rem;background:var(--paper);color:var(--ink)}
@media (max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
`;
