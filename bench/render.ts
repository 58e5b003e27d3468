/**
 * What it costs to show an answer while it streams in, four characters at a time: CPU of this process, for
 * answers of four lengths, beside the streaming renderer of Vercel's `chat`.
 */
import { existsSync } from 'node:fs';
import { OperatorError } from '../src/errors.ts';
import { Pages } from '../src/reply/pages.ts';
import type { Dialect } from '../src/reply/surface.ts';
import type { Result } from './bench.ts';

const CHUNK = 4;
const LENGTHS = [4_096, 16_384, 65_536, 262_144];
/** The peer's cost is quadratic: longer answers than this would take minutes. */
const PEERS_LONGEST = 65_536;
const ROUNDS = 7;

const MOST_64K_MS = 150;
const MOST_GROWTH = 4.5;

/** An answer of the kind models give, over and over: prose, lists, code, a table, links, a formula. */
const SAMPLE = `## How a sleeping model wakes

When the *first* question arrives, the **router** starts a container; see [the guide](https://example.com/guide)
for what it costs. Later questions wait in the same queue, so \`min_containers=0\` is **free** between them.

1. The image is pulled, unless the host has it.
2. Weights go from the volume to the GPU:
   - about 2 GB/s when the page cache is warm,
   - about 400 MB/s when it is ~~hot~~ cold.
3. The server compiles its kernels and answers.

\`\`\`python
def wake(url: str, attempts: int = 5) -> float:
    """Returns the seconds until the model answered."""
    started = time.monotonic()
    for attempt in range(attempts):
        if requests.get(f"{url}/health", timeout=150).ok:
            return time.monotonic() - started
    raise TimeoutError(url)
\`\`\`

| GPU  | Price per hour | Tokens per second | Fits           |
|------|---------------:|------------------:|----------------|
| T4   | $0.59          | 35                | 8B, quantised  |
| L4   | $0.80          | 60                | 8B             |
| A100 | $2.50          | 140               | **70B**, int4  |

> A model that nobody asks costs nothing; one that is asked all day is cheaper kept warm.

The break-even is at \\(t = \\frac{c_{\\text{wake}}}{p}\\) hours, which is a little under half an hour here. 価格は変わります。

`;

/** Shows `text` as it comes; returns something that depends on all that was shown. */
type Renderer = (text: string) => number;

function pages(dialect: Dialect): Renderer {
  return (text) => {
    const pages = new Pages(dialect);
    let sum = 0;
    for (let at = 0; at < text.length; at += CHUNK) {
      pages.append(text.slice(at, at + CHUNK));
      // Reading a character makes V8 put the string together, as a write would; the peer's is read too.
      sum += pages.view().at(-1)?.text.charCodeAt(0) ?? 0;
    }
    pages.end();
    return sum + pages.view().length;
  };
}

async function vercelChat(): Promise<Renderer> {
  if (!existsSync(new URL('./node_modules/chat', import.meta.url))) {
    throw new OperatorError('This bench needs its peers: run npm ci --prefix bench');
  }
  const peer: string = './node_modules/chat/dist/index.js'; // no literal: the type check runs without the peers
  const { StreamingMarkdownRenderer } = (await import(peer)) as Chat;
  return (text) => {
    const renderer = new StreamingMarkdownRenderer();
    let sum = 0;
    for (let at = 0; at < text.length; at += CHUNK) {
      renderer.push(text.slice(at, at + CHUNK));
      sum += renderer.render().charCodeAt(0) || 0;
    }
    return sum + renderer.finish().length;
  };
}

/** The part of `chat` that is measured; its package is the bench's own and has no part in type checks. */
interface Chat {
  readonly StreamingMarkdownRenderer: new () => {
    push(chunk: string): void;
    render(): string;
    finish(): string;
  };
}

/** CPU of one rendering, from as many as make up `characters`: one of a short text is too short to measure. */
function cpuMs(render: Renderer, text: string, characters: number): number {
  const times = Math.ceil(characters / text.length);
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) render(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

export async function run(): Promise<Result> {
  const renderers = {
    'Pilotlight, Slack': pages('slack'),
    'Pilotlight, Discord': pages('discord'),
    'Vercel chat': await vercelChat(),
  };
  const answer = SAMPLE.repeat(Math.ceil(LENGTHS.at(-1)! / SAMPLE.length));

  const rows: Record<string, string | number>[] = [];
  const goals: Result['goals'][number][] = [];
  for (const [name, render] of Object.entries(renderers)) {
    const peer = name === 'Vercel chat';
    // What is compiled only once should not count as growth.
    render(answer.slice(0, peer ? 4_096 : 65_536));
    const lengths = LENGTHS.filter((length) => !peer || length <= PEERS_LONGEST);
    const costs = lengths.map(() => Number.POSITIVE_INFINITY);
    // In turns, and the least of each: whatever else the machine does only adds to it.
    for (let round = 0; round < (peer ? 1 : ROUNDS); round++) {
      lengths.forEach((length, i) => {
        const cost = cpuMs(render, answer.slice(0, length), peer ? length : LENGTHS.at(-1)!);
        costs[i] = Math.min(costs[i]!, cost);
      });
    }
    lengths.forEach((length, i) => {
      rows.push({
        renderer: name,
        characters: length,
        'CPU ms': Number(costs[i]!.toFixed(1)),
        'µs a chunk': Number(((costs[i]! * 1000) / (length / CHUNK)).toFixed(1)),
        '× a quarter': i > 0 ? Number((costs[i]! / costs[i - 1]!).toFixed(2)) : '',
      });
    });
    if (peer) continue;
    const at64k = costs[LENGTHS.indexOf(65_536)]!;
    const growth = Math.max(...costs.slice(1).map((cost, i) => cost / costs[i]!));
    goals.push(
      {
        name: `${name}: CPU for 64k characters`,
        goal: `at most ${MOST_64K_MS} ms`,
        figure: `${at64k.toFixed(1)} ms`,
        ok: at64k <= MOST_64K_MS,
      },
      {
        name: `${name}: CPU for four times the text`,
        goal: `at most ${MOST_GROWTH} ×`,
        figure: `${growth.toFixed(2)} ×`,
        ok: growth <= MOST_GROWTH,
      },
    );
  }
  return { rows, goals };
}
