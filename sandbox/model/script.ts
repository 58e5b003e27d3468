/**
 * The scripted model: what it answers is a pure function of the messages it was sent, so that a test sees
 * which turns reached it. It streams Markdown of every kind a chat has to show.
 */

export interface ScriptMessage {
  readonly role: string;
  readonly content: string;
  readonly images: number;
}

export interface Script {
  readonly reasoning: string;
  readonly text: string;
}

export function answer(messages: readonly ScriptMessage[], continues: boolean): Script {
  const asked = messages.filter((message) => message.role === 'user');
  const question = asked.at(-1);
  const text = answerTo(messages, question?.content ?? '', question?.images ?? 0);
  const reasoning = /\bthink\b/i.test(question?.content ?? '')
    ? 'The person wants me to think first. Let me weigh it: there are two ways, and the second is simpler.'
    : '';
  if (!continues) return { reasoning, text };
  const soFar = messages.at(-1)?.content ?? '';
  return {
    reasoning: '',
    text: text.startsWith(soFar) ? text.slice(soFar.length) : ' …and that is the rest.',
  };
}

/** The first that matches answers. */
const ANSWERS: readonly [RegExp, (match: RegExpExecArray, messages: readonly ScriptMessage[]) => string][] = [
  [/^repeat after me: ?([\s\S]*)$/i, ([, words]) => words!],
  [/write (\d[\d,_]*) char(?:acter)?s/i, ([, count]) => long(Number(count!.replace(/[,_]/g, '')))],
  // The last: what a question quotes stands before it.
  [/^[\s\S]*write (\d+) words named (\w+)/i, ([, count, name]) => numbered(Number(count), name!)],
  [/what did i (?:say|ask|tell you)/i, (_, messages) => earlier(messages)],
  [
    /system prompt/i,
    (_, messages) => messages.find((message) => message.role === 'system')?.content ?? 'None.',
  ],
  [
    /everyone|mention/i,
    () => 'Attention @everyone, @here, <!channel> and <@U0000000001>: this mentions nobody.',
  ],
  [
    /\b(?:code|function|script|python)\b/i,
    () => `Here is a function that does it:\n\n${CODE}\n\nCall it with any number.`,
  ],
  [/\b(?:table|compare)\b/i, () => `Side by side:\n\n${TABLE}\n\nThe second is cheaper when idle.`],
  [/\b(?:list|steps)\b/i, () => LIST],
  [/emoji/i, () => EMOJI],
];

function answerTo(messages: readonly ScriptMessage[], question: string, images: number): string {
  if (images > 0) return `I see ${images} image${images === 1 ? '' : 's'} and the words “${question}”.`;
  for (const [pattern, reply] of ANSWERS) {
    const match = pattern.exec(question);
    if (match) return reply(match, messages);
  }
  return showcase(question);
}

function earlier(messages: readonly ScriptMessage[]): string {
  const said = messages.filter((message) => message.role === 'user').slice(0, -1);
  if (said.length === 0) return 'Nothing before this: it is the first thing you said here.';
  const lines = said.map(
    ({ content }, index) => `${index + 1}. ${content.replace(/\s+/g, ' ').slice(0, 200)}`,
  );
  return `Before this you said:\n\n${lines.join('\n')}`;
}

const CODE = `\`\`\`python
def fibonacci(n: int) -> int:
    """The n-th Fibonacci number."""
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
\`\`\``;

const TABLE = `| way | cold start | idle cost |
|---|---:|---:|
| always on | 0 s | $2.50 an hour |
| scales to zero | 60 s | nothing |`;

const LIST = `1. **Ask** a question in the channel.
2. **Wait** while the model wakes:
   - a container starts,
   - the weights load.
3. **Read** the answer as it grows.`;

const EMOJI =
  'A few that are easy to cut in two: 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🇪🇺 👍🏽 é (e + accent) 한국어 — and a plain 🎉.';

function showcase(question: string): string {
  const asked = question.replace(/\s+/g, ' ').slice(0, 80);
  return `You asked: “${asked}”. Here is a short tour of what I can write.

A model that **scales to zero** costs nothing while nobody asks. The first question wakes it; *everybody after that* gets an answer at once, until it has been idle for a while. See \`scaledown_window\` for how long.

${CODE}

How the two ways compare:

${TABLE}

So:

${LIST}

> The pilot light is small; the furnace is not.

That is all. 🎉 👩‍💻`;
}

/** Exactly this many UTF-16 code units of paragraphs, code, lists and tables. */
function long(characters: number): string {
  const parts: string[] = [];
  let size = 0;
  for (let section = 1; size < characters; section += 1) {
    const body = [PARAGRAPH, CODE, PARAGRAPH, LIST, PARAGRAPH, TABLE][section % 6]!;
    const part = `## Part ${section}\n\n${body}\n\n`;
    parts.push(part);
    size += part.length;
  }
  return parts.join('').slice(0, characters);
}

/** "q7w001 q7w002 …": each word tells which answer it belongs to, and what is missing. */
function numbered(count: number, name: string): string {
  const words = Array.from({ length: count }, (_, i) => `${name}w${String(i + 1).padStart(3, '0')}`);
  return words
    .map((word, i) => word + (i % 40 === 39 ? '\n\n' : ' '))
    .join('')
    .trimEnd();
}

const PARAGRAPH =
  'Streaming an answer into a chat means editing one message again and again, within a budget of edits ' +
  'that everybody in the workspace shares. The text on the screen should be as fresh as the budget allows, ' +
  'it should never show half a word where a whole one fits, and it must be complete in the end.';

/** Cuts text into pieces that read like tokens: a word with the space before it, at most six characters. */
export function tokenize(text: string): string[] {
  return text.match(/\s?[\p{L}\p{N}]{1,6}|\s+|[^\s\p{L}\p{N}]/gu) ?? [];
}
