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
  /** Undefined: nothing to write. */
  readonly want: Want | undefined;
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
  const laneOf = lanes(replies, now, tune);
  const writes: { reply: number; op: WriteOp }[] = [];
  let lookAt = Number.POSITIVE_INFINITY;

  for (const { index, reply, rank } of ranked(replies, tune)) {
    const edit = laneOf(reply.edit);
    const post = laneOf(reply.post);
    let slotAt = Number.POSITIVE_INFINITY;
    for (const op of opsOf(reply, edit.roundMs, tune)) {
      const spills = op === 'post' && reply.canEdit;
      if (spills && !worthSpilling(reply, edit.roundMs, tune)) continue;
      const ready = Math.max(reply.notBefore, worthAt(reply, op, edit, post, now, tune));
      if (ready > now) {
        slotAt = Math.min(slotAt, ready);
        continue;
      }
      const { shares } = op === 'edit' ? edit : post;
      let at = now;
      for (const share of shares) at = Math.max(at, freeAt(share, kept(share, op, rank), now));
      if (rank > 0 && op === 'edit') for (const share of shares) at = Math.max(at, evenlyAt(share, tune));
      slotAt = Math.min(slotAt, at);
      for (const share of shares) {
        if (at <= now || freeAt(share, kept(share, op, rank), now) > now) share.ahead += 1;
      }
      if (at > now) continue;
      writes.push({ reply: index, op });
      break;
    }
    if (slotAt > now) lookAt = Math.min(lookAt, slotAt);
  }
  return { writes, lookAt: lookAt === Number.POSITIVE_INFINITY ? undefined : lookAt };
}

/** A budget in one decision: what is worked out once for all replies on it, since a thousand may be. */
interface Share {
  readonly budget: BudgetState;
  readonly rate: number;
  readonly burst: number;
  /** When so many slots are free at once, as far as it was asked for. */
  readonly freeAt: number[];
  /** Replies on it that are live … */
  live: number;
  /** … and those together with the ones that only have a line about waiting to show. */
  waiting: number;
  /** Slots that this decision gives away, and those that a better-placed reply waits for. */
  ahead: number;
  /** Slots that edits leave for finals. */
  keptForFinals: number;
  /** What must be unseen to be worth one slot, in character ms for each character a second. */
  price: number;
}

/** Budgets that one write uses together; of each figure the highest of them. */
interface Lane {
  readonly shares: readonly Share[];
  readonly live: number;
  readonly price: number;
  /** How long it takes until each live reply was edited once … */
  readonly roundMs: number;
  /** … and each line about waiting too. */
  readonly waitingRoundMs: number;
}

function lanes<B extends BudgetState>(
  replies: readonly ReplyState<B>[],
  now: number,
  tune: typeof tuning,
): (budgets: readonly B[]) => Lane {
  const shares = new Map<B, Share>();
  const count = (budget: B, reply: ReplyState<B>) => {
    let share = shares.get(budget);
    if (!share) {
      const { rate, burst } = budget;
      share = { budget, rate, burst, freeAt: [], live: 0, waiting: 0, ahead: 0, keptForFinals: 0, price: 0 };
      shares.set(budget, share);
    }
    if (reply.live) share.live += 1;
    if (reply.live || reply.want === 'notice') share.waiting += 1;
  };
  for (const reply of replies) {
    for (const budget of reply.edit) count(budget, reply);
    for (const budget of reply.post) if (!reply.edit.includes(budget)) count(budget, reply);
  }
  for (const share of shares.values()) {
    if (share.budget.saves && share.live > 0) share.keptForFinals = tune.keptSaved;
    share.price = slotPrice(share, now, tune);
  }
  // The pacer gives replies with the same budgets the same list.
  const found = new Map<readonly B[], Lane>();
  return (budgets) => {
    let lane = found.get(budgets);
    if (!lane) {
      lane = highest(budgets.map((budget) => shares.get(budget)!));
      found.set(budgets, lane);
    }
    return lane;
  };
}

function highest(shares: readonly Share[]): Lane {
  return {
    shares,
    live: most(shares, ({ live }) => live || 1),
    price: most(shares, ({ price }) => price),
    roundMs: most(shares, ({ live, rate }) => ((live || 1) * 1000) / rate),
    waitingRoundMs: most(shares, ({ waiting, rate }) => ((waiting || 1) * 1000) / rate),
  };
}

/** Finals first, then replies that have shown nothing for too long, then the most unseen, then the rest. */
function ranked<B>(replies: readonly ReplyState<B>[], tune: typeof tuning) {
  const writers: { readonly index: number; readonly reply: ReplyState<B>; readonly rank: number }[] = [];
  for (const [index, reply] of replies.entries()) {
    if (reply.want !== undefined && !reply.busy) writers.push({ index, reply, rank: rankOf(reply, tune) });
  }
  return writers.sort((a, b) => a.rank - b.rank || Math.sign(b.reply.unseenMs - a.reply.unseenMs));
}

function rankOf(reply: ReplyState<unknown>, tune: typeof tuning): number {
  if (reply.want === 'final') return 0;
  if (reply.want === 'tidy' && reply.waitedMs >= tune.tidyMs) return 0;
  if (reply.want === 'text')
    return !reply.shows && reply.waitedMs >= (reply.canPost ? tune.firstTextMs : tune.firstEditMs) ? 1 : 2;
  return 3;
}

function opsOf(reply: ReplyState<unknown>, round: number, tune: typeof tuning): readonly WriteOp[] {
  if (reply.canEdit && reply.canPost) {
    const from = reply.unseen > reply.room ? tune.spillMs : tune.spillSoonMs;
    const free = reply.want === 'final' || reply.unseen > reply.room;
    return free && round > from ? POST_FIRST : EDIT_FIRST;
  }
  if (reply.canEdit) return EDIT;
  return reply.canPost ? POST : NEITHER;
}

const EDIT: readonly WriteOp[] = ['edit'];
const POST: readonly WriteOp[] = ['post'];
const EDIT_FIRST: readonly WriteOp[] = ['edit', 'post'];
const POST_FIRST: readonly WriteOp[] = ['post', 'edit'];
const NEITHER: readonly WriteOp[] = [];

/** Slots that this write leaves for finals; what is neither text nor final leaves one for text as well. */
function kept({ burst, keptForFinals }: Share, op: WriteOp, rank: number): number {
  if (op === 'post' || rank === 0) return 0;
  return Math.min(burst - 1, Math.max(keptForFinals, rank - 2));
}

function freeAt(share: Share, keep: number, now: number): number {
  const slots = 1 + keep + share.ahead;
  const atOnce = Math.min(slots, share.burst);
  share.freeAt[atOnce] ??= share.budget.freeAt(atOnce, now);
  return share.freeAt[atOnce] + ((slots - atOnce) * 1000) / share.rate;
}

/** Windows are not emptied at once: a burst would be followed by as long a silence. */
function evenlyAt({ budget, rate }: Share, tune: typeof tuning): number {
  return budget.saves ? 0 : budget.takenAt + (tune.evenPart * 1000) / rate;
}

/** When a write will be worth its slot. */
function worthAt(
  reply: ReplyState<unknown>,
  op: WriteOp,
  edit: Lane,
  post: Lane,
  now: number,
  tune: typeof tuning,
): number {
  if (reply.want === 'notice') {
    // At most half of the budget goes into lines about waiting.
    return reply.canEdit ? now + Math.max(tune.noticeMs, 2 * edit.waitingRoundMs) - reply.sinceWriteMs : now;
  }
  if (reply.want !== 'text') return now;
  const price = reply.rate * (reply.shows && op === 'post' ? post : edit).price;
  if (reply.shows) return now + msUntil(reply, price);
  const part = op === 'edit' ? 1 : Math.min(tune.firstTextMost, edit.live * tune.firstTextPart);
  const worth = msUntil(reply, price * part);
  return (
    now + Math.min(worth, Math.max(0, (op === 'post' ? tune.firstTextMs : tune.firstEditMs) - reply.waitedMs))
  );
}

/** n replies take turns, less than evenly. */
function slotPrice({ budget, rate, live, keptForFinals }: Share, now: number, tune: typeof tuning): number {
  const spare = Math.max(0, budget.free(now) - keptForFinals);
  const perSecond = rate + (spare * 1000) / tune.spendOverMs;
  return (1000 * 0.5 * (live || 1) ** tune.turnPower) / perSecond ** 2;
}

/** How long until this much is unseen if the text goes on as before. */
function msUntil(reply: ReplyState<unknown>, price: number): number {
  const missing = price - reply.unseenMs;
  if (missing <= 0) return 0;
  const rate = reply.rate / 1000;
  return (Math.sqrt(reply.unseen ** 2 + 2 * rate * missing) - reply.unseen) / rate;
}

function most(shares: readonly Share[], of: (share: Share) => number): number {
  return Math.max(...shares.map(of));
}

function worthSpilling(reply: ReplyState<unknown>, round: number, tune: typeof tuning): boolean {
  // A waiting line that is left behind costs an edit later.
  if (!reply.shows) return round > tune.spillSoonMs;
  if (reply.want === 'final') return round > tune.spillFinalMs;
  if (round <= tune.spillMs) return false;
  if (reply.unseen > reply.room) return true;
  if (round > tune.spillSoonMs) return reply.filled >= tune.spillSoonAfter;
  return reply.filled >= tune.spillFill * (reply.filled + reply.room);
}
