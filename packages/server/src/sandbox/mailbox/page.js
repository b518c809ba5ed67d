/** Shows the sandbox's letters. The admin token lives in this tab's session storage and goes nowhere but to /sandbox/mail. */

const TOKEN = 'latchkey.admin-token';
const REFRESH_MS = 3000;

const part = (id) => document.getElementById(id);
let letters = [];
let chosen = null;

async function load() {
  const token = sessionStorage.getItem(TOKEN);
  if (token === null) return askForToken('');
  const to = part('to').value.trim();
  const query = to === '' ? '' : `?to=${encodeURIComponent(to)}`;
  let answer;
  try {
    answer = await fetch(`/sandbox/mail${query}`, { headers: { authorization: `Bearer ${token}` }, cache: 'no-store' });
  } catch {
    return say('The server does not answer. It is asked again every few seconds.');
  }
  if (answer.status === 401 || answer.status === 403) {
    sessionStorage.removeItem(TOKEN);
    return askForToken('This token is not the admin token.');
  }
  if (!answer.ok) return say(`The server answered ${answer.status}.`);
  letters = await answer.json();
  part('sign-in').hidden = true;
  part('mailbox').hidden = false;
  say(letters.length === 0 ? 'No letters yet.' : '');
  showList();
}

function askForToken(message) {
  letters = [];
  chosen = null;
  showList();
  part('mailbox').hidden = true;
  part('sign-in').hidden = false;
  say(message);
}

function say(message) {
  if (part('status').textContent !== message) part('status').textContent = message;
}

const idOf = (button) => button.dataset.id;

function showList() {
  const list = part('letters');
  if (!letters.some((letter) => letter.id === chosen)) chosen = letters[0]?.id ?? null;
  const shown = [...list.querySelectorAll('button')].map(idOf);
  // Only what changed is touched, so that the keyboard's focus stays where it is while the list refreshes itself.
  if (shown.join() !== letters.map((letter) => letter.id).join()) {
    const focused = list.contains(document.activeElement) ? idOf(document.activeElement) : null;
    list.replaceChildren(...letters.map(entry));
    [...list.querySelectorAll('button')].find((button) => idOf(button) === focused)?.focus();
  }
  for (const button of list.querySelectorAll('button')) {
    button.setAttribute('aria-current', String(idOf(button) === chosen));
  }
  showLetter(letters.find((letter) => letter.id === chosen));
}

function entry(letter) {
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset.id = letter.id;
  const subject = document.createElement('strong');
  subject.textContent = letter.subject;
  const to = document.createElement('span');
  to.textContent = letter.to;
  const sent = document.createElement('time');
  sent.dateTime = letter.at;
  sent.textContent = readable(letter.at);
  button.append(subject, to, sent);
  button.addEventListener('click', () => {
    chosen = letter.id;
    showList();
    // On a narrow screen the letter is below the list.
    part('letter').scrollIntoView({ block: 'nearest' });
  });
  const item = document.createElement('li');
  item.append(button);
  return item;
}

function showLetter(letter) {
  const article = part('letter');
  article.hidden = letter === undefined;
  if (letter === undefined || article.dataset.id === letter.id) return;
  article.dataset.id = letter.id;
  part('subject').textContent = letter.subject;
  part('recipient').textContent = letter.to;
  part('sent').textContent = readable(letter.at);
  part('text').textContent = letter.text;
  // The frame runs no script and has no origin; its links open in a tab of their own.
  part('html').srcdoc = letter.html.replace('<head>', '<head><base target="_blank">');
}

function readable(instant) {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
}

function showAs(kind) {
  part('html').hidden = kind !== 'html';
  part('text').hidden = kind !== 'text';
  part('as-html').setAttribute('aria-pressed', String(kind === 'html'));
  part('as-text').setAttribute('aria-pressed', String(kind === 'text'));
}

part('as-html').addEventListener('click', () => showAs('html'));
part('as-text').addEventListener('click', () => showAs('text'));
part('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, part('token').value.trim());
  part('token').value = '';
  load();
});
part('filter').addEventListener('submit', (event) => {
  event.preventDefault();
  load();
});
part('sign-out').addEventListener('click', () => {
  sessionStorage.removeItem(TOKEN);
  askForToken('');
});
setInterval(() => {
  if (!document.hidden && sessionStorage.getItem(TOKEN) !== null) load();
}, REFRESH_MS);
load();
