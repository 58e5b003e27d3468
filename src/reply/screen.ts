import { GrowingText } from './growing-text.ts';
import { Pages, pageLimits } from './pages.ts';
import type { ButtonKind, Dialect, Page, WriteOp } from './surface.ts';

/** One write: what a message should show. */
export interface Draft {
  /** The page's place in the reply. */
  readonly index: number;
  /** The message to edit; undefined: post a new one. */
  readonly message: string | undefined;
  readonly page: Page;
  /** True when this page will not change again. */
  readonly final: boolean;
}

/** A message of the reply and what it shows; unknown after a restart. */
interface Standing {
  readonly message: string;
  readonly page: Page | undefined;
}

/** What a message shows in the end whose line was overtaken by an answer in new messages. */
const answerBelow = 'The answer is below.';

/** Pages shrink no further than this when the platform calls them too long, characters. */
const smallestPage = 400;

/**
 * What the messages of one reply show, and what they should show: the page that each message stands for,
 * with the footer and the buttons under the last one.
 */
export class Screen {
  readonly #dialect: Dialect;
  readonly #standing: Standing[];
  #limit: number;
  #pages: Pages;
  #view: ReturnType<Pages['view']> = [];
  /** The text that the view was taken of … */
  #text = '';
  /** … and what has come in since. */
  readonly #fresh = new GrowingText();
  /** Text has come in, or ended, since the view was taken. */
  #stale = false;
  /** Messages before the text: 1 when the text had to begin under a message that showed a line alone. */
  #offset = 0;
  /** Where the text was cut to go on in a new message though the page was not full. */
  #cuts: number[] = [];
  #footer: string | undefined;
  #buttons: readonly ButtonKind[] = ['stop'];
  #ended = false;

  constructor(dialect: Dialect, resume: { text: string; messages: readonly string[] } | undefined) {
    this.#dialect = dialect;
    this.#limit = pageLimits[dialect];
    this.#pages = new Pages(dialect);
    this.#standing = (resume?.messages ?? []).map((message) => ({ message, page: undefined }));
    if (!resume?.text) return;
    this.append(resume.text);
    this.#look();
    if (this.#count >= this.#standing.length) return;
    // The earlier process had gone on in new messages: each of them must again have something to show.
    this.#cuts = evenCuts(resume.text, this.#standing.length);
    this.#rebuild();
  }

  /** All text so far. */
  get text(): string {
    return this.#text + this.#fresh.toString();
  }

  get hasText(): boolean {
    return this.#text !== '' || this.#fresh.length > 0;
  }

  append(text: string): void {
    this.#fresh.append(text);
    this.#stale = true;
  }

  set footer(text: string | undefined) {
    this.#footer = text;
  }

  end(footer: string | undefined, buttons: readonly ButtonKind[]): void {
    this.#stale = true;
    this.#ended = true;
    this.#footer = footer;
    this.#buttons = buttons;
  }

  /** The ids of the messages, in page order. */
  get messages(): readonly string[] {
    return this.#standing.map(({ message }) => message);
  }

  get lastMessage(): string | undefined {
    return this.#standing.at(-1)?.message;
  }

  /**
   * What is to be written: `text` (a footer that says how the answer ended counts as text), only the line
   * about waiting, or only what tidies up.
   */
  get change(): 'text' | 'notice' | 'tidy' | undefined {
    if (this.#stale || (this.#view.length > 0 && !this.showsView)) return 'text';
    const last = this.#count - 1;
    if (last < 0) return undefined;
    if (this.#view.length === 0 ? !this.showsView : this.#standing[last]?.page?.footer !== this.#footer) {
      if (!this.#ended) return 'notice';
      return this.#view.length === 0 || this.#footer !== undefined ? 'text' : 'tidy';
    }
    return this.#ended && this.#firstUntidy() >= 0 ? 'tidy' : undefined;
  }

  /** About how many characters of the text are on screen. */
  get shows(): number {
    const missing = this.#view.filter((_, i) => !this.#showsText(i + this.#offset));
    return missing.reduce((left, { source }) => left - source.length, this.#pages.shown);
  }

  /** Characters on the last message. */
  get filled(): number {
    return this.#standing.at(-1)?.page?.source.length ?? 0;
  }

  /** How many more fit there. */
  get room(): number {
    return this.#limit - this.filled;
  }

  /** True when the latest view is on screen. */
  get showsView(): boolean {
    for (let i = 0; i < this.#count; i += 1) if (!this.#showsText(i)) return false;
    return true;
  }

  /** True when the whole reply is on screen as it will stay, but for buttons of earlier pages. */
  get stands(): boolean {
    return (
      this.#ended && !this.#stale && this.showsView && (this.#count === 0 || this.#isTidy(this.#count - 1))
    );
  }

  get canEdit(): boolean {
    const messages = this.#standing.length;
    if (messages === 0) return false;
    return this.#count <= messages || this.#standing.some((_, i) => !this.#showsText(i));
  }

  /** True when a page has no message yet, or what is not on screen can go out as a page of its own. */
  get canPost(): boolean {
    const messages = this.#standing.length;
    return messages === 0 || this.#count > messages || this.#canCut;
  }

  /** What to write now; undefined when there turns out to be nothing. */
  take(op: WriteOp): Draft | undefined {
    if (op === 'post') {
      const index = this.#standing.length;
      if (index > 0 && this.#count <= index) this.#cut();
      this.#look();
      return index < this.#count ? this.#draft(index) : undefined;
    }
    this.#look();
    const page = this.#standing.findIndex((_, i) => !this.#showsText(i));
    const edited = page >= 0 ? page : this.#firstUntidy();
    return edited >= 0 ? this.#draft(edited) : undefined;
  }

  /** A message now shows a page. */
  shown(index: number, message: string, page: Page): void {
    this.#standing[index] = { message, page };
  }

  /** The platform called this page too long: all pages get half its size. False when that is too small. */
  shrink(page: Page): boolean {
    if (page.text.length <= smallestPage) return false;
    this.#limit = Math.max(smallestPage, Math.floor(page.text.length / 2));
    this.#rebuild();
    return true;
  }

  get #count(): number {
    return this.#offset + this.#view.length || (this.#lineAsText === undefined ? 0 : 1);
  }

  /** What stands in place of a text that is empty. */
  get #lineAsText(): string | undefined {
    return (
      this.#footer ?? (this.#ended && this.#standing.length > 0 ? 'The model gave no answer.' : undefined)
    );
  }

  get #canCut(): boolean {
    const begun = this.#view.length > 0 || this.#standing.length === 1;
    return begun && this.#fresh.length > 0 && (this.#view.length === 0 || this.showsView);
  }

  /** What is not on screen goes out as a page of its own. */
  #cut(): void {
    if (!this.#canCut) return;
    if (this.#view.length > 0) {
      const { shown } = this.#pages;
      if (this.#pages.spill()) this.#cuts.push(shown);
      return;
    }
    this.#look();
    if (this.#view.length > 0) this.#offset = 1;
  }

  /** The last page first: it has the buttons that matter. */
  #firstUntidy(): number {
    const last = this.#count - 1;
    if (last >= 0 && last < this.#standing.length && !this.#isTidy(last)) return last;
    return this.#standing.findIndex((_, i) => i < last && !this.#isTidy(i));
  }

  #showsText(index: number): boolean {
    if (index < this.#offset || index >= this.#count) return true;
    return this.#standing[index]?.page?.text === this.#textOf(index);
  }

  #isTidy(index: number): boolean {
    const { text, footer, buttons } = this.#page(index);
    const shown = this.#standing[index]?.page;
    if (index < this.#offset && shown?.text !== text) return false;
    return shown !== undefined && shown.footer === footer && shown.buttons.join() === buttons.join();
  }

  #draft(index: number): Draft {
    const final = this.#ended || index < this.#count - 1;
    return { index, message: this.#standing[index]?.message, page: this.#page(index), final };
  }

  #page(index: number): Page {
    const text = this.#textOf(index);
    if (index < this.#offset) return { text, source: '', buttons: [] };
    const isLast = index === this.#count - 1;
    const buttons = isLast ? this.#buttons : [];
    const source = this.#view[index - this.#offset]?.source;
    if (source === undefined) return { text, source: '', buttons };
    if (!isLast || this.#footer === undefined) return { text, source, buttons };
    return { text, source, footer: this.#footer, buttons };
  }

  #textOf(index: number): string {
    if (index < this.#offset) return answerBelow;
    return this.#view[index - this.#offset]?.text ?? this.#lineAsText ?? '';
  }

  #look(): void {
    const fresh = this.#fresh.take();
    this.#text += fresh;
    this.#pages.append(fresh);
    if (this.#ended) this.#pages.end();
    this.#view = this.#pages.view();
    this.#stale = false;
  }

  /** Cuts the whole text into pages anew, with the same cuts where it had gone on in new messages. */
  #rebuild(): void {
    const { text } = this;
    this.#pages = new Pages(this.#dialect, { limit: this.#limit });
    let from = 0;
    for (const cut of this.#cuts) {
      this.#pages.append(text.slice(from, cut));
      this.#pages.view();
      this.#pages.spill();
      from = cut;
    }
    this.#pages.append(text.slice(from));
    this.#text = text;
    this.#fresh.take();
    this.#look();
  }
}

/** Where to cut a text into so many parts of about the same size, after a space where there is one. */
function evenCuts(text: string, parts: number): number[] {
  return Array.from({ length: parts - 1 }, (_, i) => {
    const even = Math.round(((i + 1) * text.length) / parts);
    const space = text.lastIndexOf(' ', even);
    return even - space < 200 && space > 0 ? space + 1 : even;
  });
}
