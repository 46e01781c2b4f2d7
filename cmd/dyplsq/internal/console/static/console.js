// The pages work without this script. It writes times in the reader's zone, and asks for a page that
// changes by itself anew, until that is paused.
'use strict';

const zone = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
const format = new Intl.DateTimeFormat('sv-SE', zone); // 2026-11-30 14:05:09

function localise(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// busy tells whether somebody is in the middle of something on the page.
function busy(main) {
  const at = document.activeElement;
  return main.querySelector('input[type=checkbox]:checked') !== null ||
    main.contains(at) && at.matches('input, select, textarea') ||
    document.getSelection().toString() !== '';
}

async function renew(main) {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.getElementById('main');
  if (fresh === null || busy(main)) return;
  const open = new Set(Array.from(main.querySelectorAll('details[open][id]'), (d) => d.id));
  const focused = main.contains(document.activeElement) ? document.activeElement.id : '';
  localise(fresh);
  main.replaceChildren(...fresh.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  if (focused !== '') document.getElementById(focused)?.focus();
}

function live(main, button) {
  let on = localStorage.getItem('dyplsq-live') !== 'off';
  const show = () => {
    button.setAttribute('aria-pressed', String(on));
    button.textContent = on ? button.dataset.liveText : button.dataset.pausedText;
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    on = !on;
    localStorage.setItem('dyplsq-live', on ? 'on' : 'off');
    show();
  });
  show();
  const seconds = Number(main.dataset.live);
  const next = () => setTimeout(async () => {
    try {
      if (on && !document.hidden && !busy(main)) await renew(main);
    } catch {
      // the next time may work: what is shown stays
    }
    next();
  }, seconds * 1000);
  next();
}

const main = document.getElementById('main');
const button = document.getElementById('live');
localise(document);
if (main.dataset.live && button !== null) live(main, button);

// One press, one request: a form that changes something is sent once.
for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', () => {
    for (const b of form.querySelectorAll('button')) setTimeout(() => { b.disabled = true; });
  });
}
document.querySelector('[data-back]')?.addEventListener('click', (e) => { e.preventDefault(); history.back(); });
