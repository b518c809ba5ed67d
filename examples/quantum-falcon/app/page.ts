/** The page of the front end: it has a key made by its own back end, and asks Latchkey itself, across origins, what the key unlocks. */
export function page(latchkeyUrl: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quantum Falcon</title><style>
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:1.5rem 1rem}
label{display:block;font-weight:600;margin-top:1rem}
input,select,button{font:inherit;padding:.5rem .7rem;max-width:100%}
input{width:100%;box-sizing:border-box}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid;border-radius:.5rem;padding:.8rem}
</style></head><body><main><h1>Quantum Falcon</h1>
<form id="generate"><h2>A key</h2>
<label for="user">User</label><input id="user" name="userId" required value="user_123">
<label for="tier">Tier</label><select id="tier" name="tier"><option>free<option selected>pro<option>elite<option>lifetime</select>
<p><button>Generate</button></p></form>
<form id="verify"><h2>What it unlocks</h2>
<label for="license">Licence key</label><input id="license" name="license" required spellcheck="false" autocomplete="off">
<p><button>Verify</button></p></form>
<pre id="answer" role="status"></pre></main>
<script>
const answer = document.getElementById('answer');
async function send(url, body) {
  try {
    const response = await fetch(url, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    const said = await response.json();
    answer.textContent = response.status + ' ' + JSON.stringify(said, null, 2);
    return said;
  } catch (error) {
    answer.textContent = 'No answer from ' + url + ': ' + error.message;
    return {};
  }
}
const fields = (form) => Object.fromEntries(new FormData(form));
document.getElementById('generate').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { license } = await send('/generate', fields(event.target));
  if (license) document.getElementById('license').value = license;
});
document.getElementById('verify').addEventListener('submit', (event) => {
  event.preventDefault();
  send(${JSON.stringify(`${latchkeyUrl}/api/verify`)}, { ...fields(event.target), timestamp: Date.now() });
});
</script></body></html>`;
}
