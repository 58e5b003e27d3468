import type { WriteOp } from './surface.ts';

/**
 * Which reply writes what, now: a pure function of what the replies have unseen and what the budgets allow.
 * It minimises the mean age at which a character becomes visible; bench/pacing.ts shows how near it comes to
 * the best possible. Times are ms of one monotonic clock, texts are characters.
 */

/** A budget as the policy sees it; see BudgetWindow. */
export interface BudgetState {
  readonly rate: number;
  readonly burst: number;
  /** Slots are saved up and refill evenly; else each comes back a window after its use. */
  readonly saves: boolean;
  free(now: number): number;
  freeAt(slots: number, now: number): number;
  /** When the latest write was sent. */
  readonly takenAt: number;
}

/**
 * What a reply would write.
 * - `final`: the rest of a finished answer.
 * - `text`: what has arrived of one that goes on.
 * - `notice`: only its line about waiting changed.
 * - `tidy`: only buttons or a footer changed.
 */
export type Want = 'final' | 'text' | 'notice' | 'tidy';

export interface ReplyState<B = BudgetState> {
  /** Nothing to write when absent. */
  readonly want?: Want;
  /** A write is in flight. */
  readonly busy: boolean;
  /** Text is arriving, or some that has arrived is not on screen: it competes for slots. */
  readonly live: boolean;
  /** Some of its text is on screen. */
  readonly shows: boolean;
  /** Characters of text on its last message. */
  readonly filled: number;
  /** How many more fit there. */
  readonly room: number;
  /** Not before this: backing off. */
  readonly notBefore: number;
  /** Characters that are not on screen … */
  readonly unseen: number;
  /** … and the sum of how long each has waited, ms. */
  readonly unseenMs: number;
  /** How long the wanted write has been wanted, ms. */
  readonly waitedMs: number;
  readonly sinceWriteMs: number;
  /** Characters a second. */
  readonly rate: number;
  readonly canEdit: boolean;
  /** The rest can go out as a message of its own. */
  readonly canPost: boolean;
  readonly edit: readonly B[];
  readonly post: readonly B[];
}

export interface Decision {
  /** `reply` is an index into the given replies. */
  readonly writes: readonly { readonly reply: number; readonly op: WriteOp }[];
  /** When to look again if nothing happens before; undefined: never. */
  readonly lookAt: number | undefined;
}

/** Found by trying on bench/pacing.ts, where rows gain and lose within a few hundredths; ms unless said otherwise. */
export const tuning = {
  /**
   * Of n replies that take turns evenly each would write once in n slots, with ½ · rate · n² unseen. Less is
   * asked, n to this power, since slots that come when nothing is worth them are lost.
   */
  turnPower: 1.5,
  /** Slots saved up are spent over about this time. */
  spendOverMs: 5000,
  /** Where slots come back a window after their use, writes keep this part of an even distance. */
  evenPart: 0.9,
  /** The wait for a first text, at most … */
  firstTextMs: 2000,
  /** … and where it takes an edit of a waiting line, which shows life. */
  firstEditMs: 2500,
  /** … and for n replies n times this part of what an edit must be worth makes it worth a post … */
  firstTextPart: 0.09,
  /** … up to this part. */
  firstTextMost: 0.3,
  /** A live reply goes on in a new message when a round of edits takes so long … */
  spillMs: 5000,
  /** … and the last message is full to this part: answers that long mostly need another one; */
  spillFill: 0.25,
  /** when a round takes so long … */
  spillSoonMs: 20_000,
  /** … so many characters on it are enough. */
  spillSoonAfter: 300,
  /** A finished one does when no edit is free and a round takes so long: one or two never leave a message early. */
  spillFinalMs: 2500,
  /** So many saved-up slots are kept for finals; in a window each would slow all down. */
  keptSaved: 1,
  /** Waiting lines change no more often than this. */
  noticeMs: 4000,
  /** What only tidies waits for spare slots this long, then goes like a final. */
  tidyMs: 10_000,
};

export function decide<B extends BudgetState>(
  replies: readonly ReplyState<B>[],
  now: number,
  tune: typeof tuning = tuning,
): Decision {
  const live = countOnBudgets(replies, (reply) => reply.live);
  const waiting = countOnBudgets(replies, (reply) => reply.live || reply.want === 'notice');
  /** Slots that this decision gives away, and those that a better-placed reply waits for. */
  const ahead = new Map<B, number>();
  const writes: { reply: number; op: WriteOp }[] = [];
  let lookAt = Number.POSITIVE_INFINITY;

  for (const { index, reply, rank } of ranked(replies, tune)) {
    let slotAt = Number.POSITIVE_INFINITY;
    for (const op of opsOf(reply, live, tune)) {
      const spills = op === 'post' && reply.canEdit;
      if (spills && !worthSpilling(reply, live, tune)) continue;
      const ready = Math.max(reply.notBefore, worthAt(reply, op, live, waiting, now, tune));
      if (ready > now) {
        slotAt = Math.min(slotAt, ready);
        continue;
      }
      const keep = (budget: B) => kept(budget, op, rank, live, tune);
      const at = Math.max(
        now,
        ...reply[op].map((budget) => freeAt(budget, keep(budget), ahead, now)),
        ...(rank === 0 || op === 'post' ? [] : reply.edit.map((budget) => evenlyAt(budget, tune))),
      );
      slotAt = Math.min(slotAt, at);
      for (const budget of reply[op]) {
        if (at <= now || freeAt(budget, keep(budget), ahead, now) > now) {
          ahead.set(budget, (ahead.get(budget) ?? 0) + 1);
        }
      }
      if (at > now) continue;
      writes.push({ reply: index, op });
      break;
    }
    if (slotAt > now) lookAt = Math.min(lookAt, slotAt);
  }
  return { writes, lookAt: lookAt === Number.POSITIVE_INFINITY ? undefined : lookAt };
}

/** Finals first, then replies that have shown nothing for too long, then the most unseen, then the rest. */
function ranked<B extends BudgetState>(replies: readonly ReplyState<B>[], tune: typeof tuning) {
  return replies
    .map((reply, index) => ({ reply, index, rank: rankOf(reply, tune) }))
    .filter(({ reply }) => reply.want !== undefined && !reply.busy)
    .sort((a, b) => a.rank - b.rank || b.reply.unseenMs - a.reply.unseenMs || a.index - b.index);
}

function rankOf(reply: ReplyState<unknown>, tune: typeof tuning): number {
  if (reply.want === 'final') return 0;
  if (reply.want === 'tidy' && reply.waitedMs >= tune.tidyMs) return 0;
  if (reply.want === 'text')
    return !reply.shows && reply.waitedMs >= (reply.canPost ? tune.firstTextMs : tune.firstEditMs) ? 1 : 2;
  return 3;
}

/** How many of these replies share each budget. */
function countOnBudgets<B>(replies: readonly ReplyState<B>[], which: (reply: ReplyState<B>) => boolean) {
  const counts = new Map<B, number>();
  for (const reply of replies) {
    if (!which(reply)) continue;
    for (const budget of reply.edit) counts.set(budget, (counts.get(budget) ?? 0) + 1);
    for (const budget of reply.post) {
      if (!reply.edit.includes(budget)) counts.set(budget, (counts.get(budget) ?? 0) + 1);
    }
  }
  return counts;
}

function opsOf<B extends BudgetState>(
  reply: ReplyState<B>,
  live: ReadonlyMap<B, number>,
  tune: typeof tuning,
): readonly WriteOp[] {
  if (reply.canEdit && reply.canPost) {
    const from = reply.unseen > reply.room ? tune.spillMs : tune.spillSoonMs;
    const free = reply.want === 'final' || reply.unseen > reply.room;
    return free && roundMs(reply, live) > from ? ['post', 'edit'] : ['edit', 'post'];
  }
  if (reply.canEdit) return ['edit'];
  return reply.canPost ? ['post'] : [];
}

/** Slots that this write leaves for finals; what is neither text nor final leaves one for text as well. */
function kept<B extends BudgetState>(
  budget: B,
  op: WriteOp,
  rank: number,
  live: ReadonlyMap<B, number>,
  tune: typeof tuning,
): number {
  if (op === 'post' || rank === 0) return 0;
  return Math.min(budget.burst - 1, Math.max(keptForFinals(budget, live, tune), rank - 2));
}

function keptForFinals<B extends BudgetState>(
  budget: B,
  live: ReadonlyMap<B, number>,
  tune: typeof tuning,
): number {
  return budget.saves && live.has(budget) ? tune.keptSaved : 0;
}

function freeAt<B extends BudgetState>(budget: B, keep: number, ahead: ReadonlyMap<B, number>, now: number) {
  const slots = 1 + keep + (ahead.get(budget) ?? 0);
  const atOnce = Math.min(slots, budget.burst);
  return budget.freeAt(atOnce, now) + ((slots - atOnce) * 1000) / budget.rate;
}

/** Windows are not emptied at once: a burst would be followed by as long a silence. */
function evenlyAt(budget: BudgetState, tune: typeof tuning): number {
  return budget.saves ? 0 : budget.takenAt + (tune.evenPart * 1000) / budget.rate;
}

/** When a write will be worth its slot. */
function worthAt<B extends BudgetState>(
  reply: ReplyState<B>,
  op: WriteOp,
  live: ReadonlyMap<B, number>,
  waiting: ReadonlyMap<B, number>,
  now: number,
  tune: typeof tuning,
): number {
  if (reply.want === 'notice') {
    // At most half of the budget goes into lines about waiting.
    return reply.canEdit
      ? now + Math.max(tune.noticeMs, 2 * roundMs(reply, waiting)) - reply.sinceWriteMs
      : now;
  }
  if (reply.want !== 'text') return now;
  const price = Math.max(
    ...reply[reply.shows ? op : 'edit'].map((budget) => slotPrice(reply, budget, live, now, tune)),
  );
  if (reply.shows) return now + msUntil(reply, price);
  const n = Math.max(...reply.edit.map((budget) => live.get(budget) ?? 1));
  const part = op === 'edit' ? 1 : Math.min(tune.firstTextMost, n * tune.firstTextPart);
  const worth = msUntil(reply, price * part);
  return (
    now + Math.min(worth, Math.max(0, (op === 'post' ? tune.firstTextMs : tune.firstEditMs) - reply.waitedMs))
  );
}

/** What must be unseen, in character ms, to be worth one slot: n replies take turns, less than evenly. */
function slotPrice<B extends BudgetState>(
  reply: ReplyState<unknown>,
  budget: B,
  live: ReadonlyMap<B, number>,
  now: number,
  tune: typeof tuning,
): number {
  const n = live.get(budget) ?? 1;
  const spare = Math.max(0, budget.free(now) - keptForFinals(budget, live, tune));
  const perSecond = budget.rate + (spare * 1000) / tune.spendOverMs;
  return (1000 * 0.5 * reply.rate * n ** tune.turnPower) / perSecond ** 2;
}

/** How long until this much is unseen if the text goes on as before. */
function msUntil(reply: ReplyState<unknown>, price: number): number {
  const missing = price - reply.unseenMs;
  if (missing <= 0) return 0;
  const rate = reply.rate / 1000;
  return (Math.sqrt(reply.unseen ** 2 + 2 * rate * missing) - reply.unseen) / rate;
}

/** How long it takes until each of these replies was edited once. */
function roundMs<B extends BudgetState>(reply: ReplyState<B>, counts: ReadonlyMap<B, number>): number {
  return Math.max(...reply.edit.map((budget) => ((counts.get(budget) ?? 1) * 1000) / budget.rate));
}

function worthSpilling<B extends BudgetState>(
  reply: ReplyState<B>,
  live: ReadonlyMap<B, number>,
  tune: typeof tuning,
): boolean {
  const round = roundMs(reply, live);
  // A waiting line that is left behind costs an edit later.
  if (!reply.shows) return round > tune.spillSoonMs;
  if (reply.want === 'final') return round > tune.spillFinalMs;
  if (round <= tune.spillMs) return false;
  if (reply.unseen > reply.room) return true;
  if (round > tune.spillSoonMs) return reply.filled >= tune.spillSoonAfter;
  return reply.filled >= tune.spillFill * (reply.filled + reply.room);
}
