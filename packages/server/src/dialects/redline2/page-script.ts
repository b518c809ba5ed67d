/** The price as it is typed; without this script a button shows it. */
export const pageScript = `
const input = document.getElementById('hours');
const output = document.getElementById('price');
if (input && output) {
  const button = document.getElementById('show-price');
  if (button) button.hidden = true;
  let asked = 0;
  let wait;
  input.addEventListener('input', () => {
    clearTimeout(wait);
    const mine = ++asked;
    const hours = input.value.trim();
    if (hours === '') { output.textContent = ''; return; }
    wait = setTimeout(async () => {
      try {
        const answer = await fetch('/payments/quote?hours=' + encodeURIComponent(hours));
        const said = await answer.json();
        if (mine === asked) output.textContent = answer.ok ? said.text : said.error;
      } catch {
        if (mine === asked) output.textContent = 'The price cannot be shown at the moment.';
      }
    }, 150);
  });
}
const again = document.querySelector('[data-reload]');
if (again) setTimeout(() => location.reload(), 3000);
`;
