// Elements, and what the person does sent to the server.

/** Makes an element: h('p.note', { title }, 'text', child). */
export function h(name, props = {}, ...children) {
  const [tag, ...classes] = name.split('.');
  const element = Object.assign(document.createElement(tag), props);
  element.className = classes.join(' ');
  element.append(...children.filter((child) => child !== null));
  return element;
}

let hiding;

/** Tells the person what is wrong: for a while, or for good. */
export function complain(text, { forGood = false } = {}) {
  const fault = document.getElementById('fault');
  fault.textContent = text;
  fault.hidden = false;
  clearTimeout(hiding);
  if (forGood) return;
  hiding = setTimeout(() => {
    fault.hidden = true;
  }, 5000);
}

export async function act(path, body) {
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) complain(await answer.text());
}
