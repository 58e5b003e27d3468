// The sandbox's page: shows what the server sends and sends back what the person does. No state of its own
// but the tab and the person, which outlast a reload, and the message being replied to.
import { composer } from './composer.js';
import { act, complain, h } from './dom.js';
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

/** What to type: in a channel, there as an admin, and in a direct message. */
const examples = {
  slack: {
    channel: '@pilotlight show me a table',
    admin: '/pilotlight warm 2h',
    direct: 'show me a table',
  },
  discord: { channel: '/ask write some code', admin: '/model warm for:2h', direct: 'write some code' },
};

class Chat {
  constructor(root) {
    this.platform = root.dataset.platform;
    this.bar = h('div.bar', { role: 'tablist' });
    this.list = h('div.messages', { tabIndex: 0 });
    this.activity = h('div.activity', { ariaLive: 'polite' });
    this.composer = composer(
      (said) => {
        this.say(said, this.replyTo?.id);
        this.setReply(undefined);
      },
      () => this.setReply(undefined),
    );
    this.rows = new Map();
    root.append(this.bar, this.list, this.activity, this.composer.form);
  }

  say(said, thread) {
    act(`/${this.platform}/say`, { channel: this.channel, user: this.user, thread, ...said });
  }

  /** On Discord: what is written next replies to this message. */
  setReply(message) {
    this.replyTo = message;
    this.showHint();
    if (message) this.composer.input.focus();
  }

  showHint() {
    this.composer.hint(
      this.replyTo ? `Reply to ${this.replyTo.author.name}; Esc leaves it` : `Message: try ${this.example}`,
    );
  }

  get isDirect() {
    return this.channel !== this.state.channels[0].id;
  }

  get example() {
    const { channel, admin, direct } = examples[this.platform];
    if (this.isDirect) return direct;
    return this.select.selectedOptions[0].text === 'admin' ? admin : channel;
  }

  /** The direct messages are the first person's. */
  get user() {
    return this.isDirect ? this.state.people[0].id : this.select.value;
  }

  show(state) {
    this.state = state;
    if (!this.channel) this.start(state);
    const messages = state.messages[this.channel] ?? [];
    const atBottom = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
    this.showRows(messages);
    const doing = (state.activity[this.channel] ?? []).filter(
      ({ thread }) => !thread || this.platform === 'discord',
    );
    this.activity.replaceChildren(doing.map(({ text }) => text).join(' · '));
    if (atBottom) this.list.scrollTop = this.list.scrollHeight;
  }

  start({ channels, people }) {
    const tabs = channels.map(({ id, name }) =>
      h('button.tab', { type: 'button', role: 'tab', onclick: () => this.open(id) }, name),
    );
    const { channel, user } = JSON.parse(sessionStorage.getItem(this.platform) ?? '{}');
    this.select = h(
      'select',
      {
        ariaLabel: 'Speak as',
        onchange: () => {
          this.remember();
          this.showHint();
          this.show(this.state);
        },
      },
      ...people.map(({ id, name }) => h('option', { value: id, selected: id === user }, name)),
    );
    this.bar.replaceChildren(
      h('b', {}, this.platform === 'slack' ? 'Slack' : 'Discord'),
      ...tabs,
      this.select,
    );
    this.open((channels.find(({ id }) => id === channel) ?? channels[0]).id);
  }

  /** Where one is and who one is there, for after a reload. */
  remember() {
    sessionStorage.setItem(this.platform, JSON.stringify({ channel: this.channel, user: this.select.value }));
  }

  open(channel) {
    this.channel = channel;
    const { channels } = this.state;
    this.bar.querySelectorAll('.tab').forEach((tab, index) => {
      tab.ariaSelected = String(channels[index].id === channel);
    });
    this.select.hidden = this.isDirect;
    this.remember();
    this.setReply(undefined);
    this.show(this.state);
  }

  showRows(messages) {
    const shown = messages.filter(({ onlyFor }) => !onlyFor || onlyFor === this.user);
    const threads = Map.groupBy(
      shown,
      ({ thread, id }) => (this.platform === 'slack' && thread !== id && thread) || '',
    );
    const top = threads.get('') ?? [];
    if (top.length === 0) {
      this.rows.clear();
      this.list.replaceChildren(
        h('p.empty', {}, 'Nothing said yet. Type ', h('code', {}, this.example), ' below.'),
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
      const doing = status.map(({ text }) => `${this.state.bot.name} ${text}`);
      box.querySelector('.activity').textContent = doing.join(' · ');
    }
  }

  /** Keeps a row that shows the same, so that nothing flickers, and the focus on a button of one that changes. */
  keep(parent, wanted) {
    let focusAgain = () => {};
    const elements = wanted.map(({ key, value, make }) => {
      const json = JSON.stringify([value, this.channel]);
      const old = this.rows.get(key);
      if (old?.json === json) return old.element;
      const element = make();
      if (old?.element.contains(document.activeElement)) {
        const { textContent: label } = document.activeElement;
        focusAgain = () => {
          const same = [...element.querySelectorAll('button')].find((one) => one.textContent === label);
          (same ?? this.list).focus({ preventScroll: true });
        };
      }
      this.rows.set(key, { json, element });
      return element;
    });
    elements.forEach((element, index) => {
      if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    });
    while (parent.children.length > elements.length) parent.lastElementChild.remove();
    focusAgain();
  }

  thread(message) {
    const { form, hint } = composer((said) => this.say(said, message.id));
    hint('Reply in thread');
    return h('div.replies', {}, h('div.rows'), h('div.activity'), form);
  }

  row(message, all) {
    const { author, text, pending, buttons, reactions } = message;
    const answered =
      this.platform === 'discord' && message.thread && all.find(({ id }) => id === message.thread);
    const body = h(
      'div.body',
      {},
      answered ? h('div.reply-to', {}, `↪ ${answered.author.name}: ${answered.text.slice(0, 90)}`) : null,
      message.usedBy ? h('div.reply-to', {}, `↪ ${message.usedBy}`) : null,
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
  element.querySelector('.more').textContent = more;
  const name = element.querySelector('b');
  if (name.textContent !== state) name.textContent = state; // screen readers say it anew each time it is set
  const failure = button('/model/failure');
  failure.hidden = model.phase === 'real';
  failure.ariaPressed = String(model.failing);
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
  button('/modal/outage').ariaPressed = String(modal.outage);
}

const button = (path) => document.querySelector(`[data-act="${path}"]`);
for (const one of document.querySelectorAll('[data-act]'))
  one.addEventListener('click', () => act(one.dataset.act, {}));

const events = new EventSource('/events');
let lost = false;
events.addEventListener('error', () => {
  lost = true;
  complain('The sandbox has ended. Start it again: npm run sandbox', { forGood: true });
});
// It may be another sandbox, with other people in it.
events.addEventListener('open', () => lost && location.reload());
events.addEventListener('message', ({ data }) => {
  const state = JSON.parse(data);
  showModel(state.model);
  showModal(state.modal);
  for (const [platform, chat] of Object.entries(chats)) chat.show(state[platform]);
});
