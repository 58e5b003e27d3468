// The sandbox's page: shows what the server sends and sends back what the person does. No state of its own
// but the tab, the person and the message being replied to.
import markdownit from './markdown-it.js';

const markdown = {
  slack: markdownit({ breaks: true, linkify: true }),
  // Discord: no tables, headings to ###; "-# " is small print.
  discord: markdownit({ breaks: true, linkify: true }).disable(['table', 'lheading', 'hr', 'image']),
};
markdown.discord.block.ruler.before(
  'paragraph',
  'subtext',
  (state, start, _end, silent) => {
    const line = state.src.slice(state.bMarks[start] + state.tShift[start], state.eMarks[start]);
    if (!line.startsWith('-# ')) return false;
    if (silent) return true;
    state.push('subtext_open', 'small', 1);
    state.push('inline', '', 0).content = line.slice(3);
    state.tokens.at(-1).children = [];
    state.push('subtext_close', 'small', -1);
    state.line = start + 1;
    return true;
  },
  { alt: ['paragraph'] },
);

/** What markdown-it does not know of a dialect: Discord's quotes end with their line. */
const dialect = {
  slack: (text) => text,
  discord: (text) => text.replace(/^(>.*)\n(?!>|\n)/gm, '$1\n\n'),
};

const hints = {
  slack: 'Message — try @pilotlight show me a table',
  discord: 'Message — try /ask show me some code',
};

/** Makes an element: h('p.note', { title }, 'text', child). */
function h(name, props = {}, ...children) {
  const [tag, ...classes] = name.split('.');
  const element = Object.assign(document.createElement(tag), props);
  element.className = classes.join(' ');
  element.append(...children.filter((child) => child !== null));
  return element;
}

async function act(path, body) {
  const answer = await fetch(path, { method: 'POST', body: JSON.stringify(body) });
  if (answer.ok) return;
  const fault = document.getElementById('fault');
  fault.textContent = await answer.text();
  fault.hidden = false;
  setTimeout(() => {
    fault.hidden = true;
  }, 5000);
}

class Chat {
  constructor(root) {
    this.root = root;
    this.platform = root.dataset.platform;
    this.bar = h('div.bar', { role: 'tablist' });
    this.list = h('div.messages', { tabIndex: 0 });
    this.activity = h('div.activity', { ariaLive: 'polite' });
    this.form = this.composer(hints[this.platform], null);
    this.rows = new Map();
    root.append(this.bar, this.list, this.activity, this.form);
  }

  composer(placeholder, thread) {
    const input = h('input', { placeholder, ariaLabel: placeholder, name: 'text', autocomplete: 'off' });
    const form = h('form', {}, input, h('button.send', { type: 'submit' }, 'Send'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!input.value.trim()) return;
      const text = input.value;
      act(`/${this.platform}/say`, {
        channel: this.channel,
        user: this.user,
        text,
        thread: thread ?? this.replyTo,
      });
      input.value = '';
      this.setReply(undefined);
    });
    return form;
  }

  setReply(message) {
    this.replyTo = message?.id;
    const input = this.form.querySelector('input');
    input.placeholder = message ? `Reply to ${message.author.name}` : hints[this.platform];
    if (message) input.focus();
  }

  show(state) {
    this.state = state;
    this.channel ??= state.channels[0].id;
    this.user ??= state.people[0].id;
    this.showBar(state);
    const messages = state.messages[this.channel] ?? [];
    const atBottom = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    this.showRows(messages);
    const doing = (state.activity[this.channel] ?? []).filter(
      ({ thread }) => !thread || this.platform === 'discord',
    );
    this.activity.replaceChildren(doing.map(({ text }) => text).join(' · '));
    if (atBottom) this.list.scrollTop = this.list.scrollHeight;
  }

  showBar({ channels, people }) {
    const key = `${this.channel} ${this.user}`;
    if (this.barKey === key) return;
    this.barKey = key;
    const tabs = channels.map(({ id, name }) =>
      h(
        'button.tab',
        {
          type: 'button',
          role: 'tab',
          ariaSelected: String(id === this.channel),
          onclick: () => {
            this.channel = id;
            this.setReply(undefined);
            this.show(this.state);
          },
        },
        name,
      ),
    );
    const select = h(
      'select',
      {
        ariaLabel: 'Speak as',
        onchange: () => {
          this.user = select.value;
        },
      },
      ...people.map(({ id, name }) => h('option', { value: id }, name)),
    );
    select.value = this.user;
    this.bar.replaceChildren(h('b', {}, this.platform === 'slack' ? 'Slack' : 'Discord'), ...tabs, select);
  }

  /** Keeps a row that shows the same, so that nothing flickers and no half-typed reply is lost. */
  showRows(messages) {
    const shown = messages.filter(({ onlyFor }) => !onlyFor || onlyFor === this.user);
    const threads = Map.groupBy(
      shown,
      ({ thread, id }) => (this.platform === 'slack' && thread !== id && thread) || '',
    );
    const top = threads.get('') ?? [];
    if (top.length === 0) {
      this.rows.clear();
      const example = this.platform === 'slack' ? '@pilotlight what can you do?' : '/ask what can you do?';
      this.list.replaceChildren(
        h(
          'p.empty',
          {},
          'Nothing said yet. The model is asleep: type ',
          h('code', {}, example),
          ' below and watch it wake.',
        ),
      );
      return;
    }
    // What only one person sees has no thread.
    const hasThread = ({ onlyFor }) => this.platform === 'slack' && !onlyFor;
    this.keep(
      this.list,
      top.flatMap((message) => [
        { key: message.id, value: message, make: () => this.row(message, shown) },
        ...(hasThread(message)
          ? [{ key: `${message.id}-replies`, value: null, make: () => this.thread(message) }]
          : []),
      ]),
    );
    for (const message of top.filter(hasThread)) {
      const replies = threads.get(message.id) ?? [];
      const box = this.rows.get(`${message.id}-replies`).element;
      this.keep(
        box.querySelector('.rows'),
        replies.map((reply) => ({ key: reply.id, value: reply, make: () => this.row(reply, shown) })),
      );
      const status = (this.state.activity[this.channel] ?? []).filter(({ thread }) => thread === message.id);
      box.querySelector('.activity').textContent = status.map(({ text }) => text).join(' · ');
      box.hidden = false;
    }
  }

  keep(parent, wanted) {
    const elements = wanted.map(({ key, value, make }) => {
      const json = JSON.stringify([value, this.channel]);
      const old = this.rows.get(key);
      if (old?.json === json) return old.element;
      const element = make();
      this.rows.set(key, { json, element });
      return element;
    });
    elements.forEach((element, index) => {
      if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    });
    while (parent.children.length > elements.length) parent.lastElementChild.remove();
  }

  thread(message) {
    return h(
      'div.replies',
      {},
      h('div.rows'),
      h('div.activity'),
      this.composer('Reply in thread', message.id),
    );
  }

  row(message, all) {
    const { author, text, pending, buttons, reactions } = message;
    const answered =
      this.platform === 'discord' && message.thread && all.find(({ id }) => id === message.thread);
    const body = h(
      'div.body',
      {},
      answered ? h('div.reply-to', {}, `↪ ${answered.author.name}: ${answered.text.slice(0, 90)}`) : null,
      h(
        'div',
        {},
        h('span.who', {}, author.name),
        ' ',
        author.bot ? h('span.app', {}, 'APP') : null,
        h(
          'span.when',
          {},
          new Date(message.at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }),
        ),
      ),
      this.textOf(message),
      pending && !text ? h('span.thinking', {}, `${author.name} is thinking`, h('span.dots')) : null,
      message.onlyFor ? h('div.only', {}, 'Only visible to you') : null,
    );
    if (reactions.length)
      body.append(
        h(
          'div.reactions',
          {},
          ...reactions.map((name) => h('span', {}, name === 'eyes' ? '👀 1' : `:${name}: 1`)),
        ),
      );
    if (buttons.length) {
      body.append(
        h(
          'div.buttons',
          {},
          ...buttons.map(({ id, label }) =>
            h(
              'button',
              {
                type: 'button',
                onclick: () =>
                  act(`/${this.platform}/click`, {
                    channel: this.channel,
                    message: message.id,
                    button: id,
                    user: this.user,
                  }),
              },
              label,
            ),
          ),
        ),
      );
    }
    if (!message.onlyFor) body.append(this.tools(message));
    const picture = author.bot
      ? h('img.face', { src: 'flame.svg', alt: '' })
      : h('div.face', { ariaHidden: 'true' }, author.name[0]);
    return h('article.message', {}, picture, body);
  }

  /** What can be done with a message besides its buttons. */
  tools(message) {
    const tool = (name, onclick) => h('button', { type: 'button', onclick }, name);
    return h(
      'div.tools',
      {},
      this.platform === 'discord' ? tool('↩ Reply', () => this.setReply(message)) : null,
      message.author.bot
        ? tool('Delete', () =>
            act(`/${this.platform}/delete`, { channel: this.channel, message: message.id }),
          )
        : null,
    );
  }

  textOf({ text, edits, author }) {
    const element = h('div.text');
    element.innerHTML = markdown[this.platform].render(dialect[this.platform](this.named(text)));
    if (edits > 0 && author.bot) element.append(h('span.edited', { title: `${edits} edits` }, '(edited)'));
    return element;
  }

  /** Mentions by name and times in the reader's zone, as the platforms show them. */
  named(text) {
    const names = new Map([...this.state.people, this.state.bot].map(({ id, name }) => [id, name]));
    return text
      .replace(/<@!?(\w+)>/g, (whole, id) => (names.has(id) ? `**@${names.get(id)}**` : whole))
      .replace(/<t:(\d+):f>/g, (_, seconds) =>
        new Date(seconds * 1000).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }),
      );
  }
}

const chats = Object.fromEntries(
  [...document.querySelectorAll('.chat')].map((root) => [root.dataset.platform, new Chat(root)]),
);

const seconds = (ms) => `${Math.ceil(ms / 1000)} s`;
function showModel(model) {
  const element = document.getElementById('model');
  const awake = model.streams
    ? `${model.streams} answering`
    : model.sleepsInMs === null
      ? 'kept warm'
      : `sleeps in ${seconds(model.sleepsInMs)}`;
  const [state, more] = {
    asleep: ['Model asleep', 'costs nothing'],
    waking: [
      'Model waking',
      `${model.step === 'loading' ? 'loading weights' : 'starting'}, ${Math.floor(model.elapsedMs / 1000)} s`,
    ],
    awake: ['Model awake', awake],
    real: ['Model', model.url],
  }[model.phase];
  element.dataset.state = model.phase;
  element.replaceChildren(h('span.lamp'), h('b', {}, state), h('span.more', {}, more));
}

/** Modal's control plane: what the app's autoscaler is told, and what the containers have cost. */
function showModal(modal) {
  const element = document.getElementById('modal');
  element.hidden = !modal;
  if (!modal) return;
  const containers = modal.containers === 1 ? '1 container' : `${modal.containers} containers`;
  const { minContainers, maxContainers, bufferContainers, scaledownWindowMs } = modal.scaling;
  const scaling = [
    `min_containers ${minContainers}`,
    maxContainers > 0 && `max ${maxContainers}`,
    bufferContainers > 0 && `buffer ${bufferContainers}`,
    scaledownWindowMs !== 60_000 && `idle ${scaledownWindowMs / 1000} s`,
  ].filter(Boolean);
  element.querySelector('.more').textContent =
    `Modal: ${scaling.join(', ')} · ${containers} · $${modal.usd.toFixed(2)} so far`;
  element.querySelector('[data-act="outage"]').setAttribute('aria-pressed', String(modal.outage));
}
for (const button of document.querySelectorAll('#modal button'))
  button.addEventListener('click', () => act(`/modal/${button.dataset.act}`, {}));

new EventSource('/events').addEventListener('message', ({ data }) => {
  const state = JSON.parse(data);
  showModel(state.model);
  showModal(state.modal);
  for (const [platform, chat] of Object.entries(chats)) chat.show(state[platform]);
});
