// The form in which a person writes: a line of text, and files beside it.
import { h } from './dom.js';

/** Hands what was written to `say`; Escape, with nothing written, calls `leave`. */
export function composer(say, leave = () => {}) {
  const input = h('input', { type: 'text', name: 'text', autocomplete: 'off' });
  const picker = h('input', { type: 'file', multiple: true, hidden: true });
  const chosen = h('div.files', { hidden: true });
  const attach = h(
    'button.attach',
    { type: 'button', title: 'Attach pictures or text files', ariaLabel: 'Attach files' },
    '+',
  );
  const send = h('button.send', { type: 'submit' }, 'Send');
  const form = h('form', {}, chosen, attach, picker, input, send);
  let files = [];

  const show = (list) => {
    files = list;
    chosen.hidden = files.length === 0;
    chosen.replaceChildren(
      ...files.map((file) => {
        const drop = () => show(files.filter((other) => other !== file));
        return h('button', { type: 'button', title: 'Take it away', onclick: drop }, `${file.name} ✕`);
      }),
    );
  };
  attach.addEventListener('click', () => picker.click());
  picker.addEventListener('change', () => {
    show([...files, ...picker.files]);
    picker.value = '';
    input.focus();
  });
  input.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && !input.value) leave();
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = input.value;
    const going = files;
    if (!text.trim() && going.length === 0) return;
    input.value = '';
    show([]);
    say({ text, files: await Promise.all(going.map(read)) });
  });
  return {
    form,
    input,
    hint(text) {
      input.placeholder = text;
      input.ariaLabel = text;
    },
  };
}

async function read(file) {
  const reader = new FileReader();
  const done = new Promise((resolve, reject) => {
    reader.onload = resolve;
    reader.onerror = () => reject(reader.error);
  });
  reader.readAsDataURL(file);
  await done;
  const content = reader.result.slice(reader.result.indexOf(',') + 1); // data:TYPE;base64,…
  return { name: file.name, mimetype: file.type || 'application/octet-stream', content };
}
