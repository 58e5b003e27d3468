import type { Logger } from 'pino';
import type { Costs } from '../modal/costs.ts';
import { parseDuration } from '../modal/duration.ts';
import { InputError } from '../modal/input-error.ts';
import { parseSchedule, type Schedule } from '../modal/schedule.ts';
import { parseWanted, type Wanted } from '../modal/wanted.ts';
import type { WarmMode } from '../modal/warm-mode.ts';
import { usualTime } from '../model/cold-starts.ts';
import type { Origin, WarmStore } from '../store/warm-store.ts';
import { type Admins, isAdmin } from './admins.ts';
import type { CommandButton, CommandNotice, PlatformName, User } from './ports.ts';
import * as words from './warm-words.ts';

/** A command as it was given, in no platform's form. */
export interface CommandCall {
  readonly platform: PlatformName;
  readonly channel: string;
  readonly user: User;
  /** After the command's name: "warm 2h". */
  readonly text: string;
}

export interface CommandAnswer extends CommandNotice {
  /** Everybody in the channel may see it; otherwise only who asked. */
  readonly public: boolean;
  /** After a press: the message with the button shows this instead. Otherwise it stays as it is. */
  readonly replaces: boolean;
}

/** What adapters need of the commands. Nothing here ever rejects. */
export interface Commands {
  run(call: CommandCall): Promise<CommandAnswer>;
  /** A button of an answer or of a notice was pressed. */
  press(id: string, call: Omit<CommandCall, 'text'>): Promise<CommandAnswer>;
}

export interface CommandParts {
  /** Undefined when settings are missing. */
  readonly warm: { readonly mode: WarmMode; readonly costs: Costs; readonly store: WarmStore } | undefined;
  /** The settings that are. */
  readonly missing: readonly string[];
  readonly admins: Admins;
  /** How long `warm` is without a word, ms. */
  readonly defaultMs: number;
  /** Cold starts so far, ms. */
  readonly coldStarts: () => Promise<readonly number[]>;
  readonly clock: { now(): number };
  readonly log: Logger;
}

const PREFIX = 'pilotlight-warm:';
const AUDITED = 10;
const PUBLIC = /(?:^|\s)public$/i;

export const isCommandButton = (id: string): boolean => id.startsWith(PREFIX);

export const extendButton = (containers: number): CommandButton => ({
  id: `${PREFIX}extend:${words.EXTENSION}:${containers}`,
  label: words.extendLabel,
  primary: true,
});

/** `warm`, `cold`, `status`, `schedule`: read, allowed or not, done, answered. */
export function createCommands(parts: CommandParts): Commands {
  return new WarmCommands(parts);
}

type Set = NonNullable<CommandParts['warm']>;

class WarmCommands implements Commands {
  readonly #parts: CommandParts;

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  run(call: CommandCall): Promise<CommandAnswer> {
    const isPublic = PUBLIC.test(call.text);
    const text = call.text.replace(PUBLIC, '').trim();
    const [verb = ''] = text.split(/\s+/, 1);
    const rest = text.slice(verb.length).trim();
    return this.#guarded(async (warm) => {
      const answer = await this.#do(verb.toLowerCase(), rest, call, warm);
      return { ...answer, public: isPublic };
    });
  }

  press(id: string, call: Omit<CommandCall, 'text'>): Promise<CommandAnswer> {
    const [verb, ...fields] = id.slice(PREFIX.length).split(':');
    return this.#guarded(async ({ mode }) => {
      if (verb === 'cancel') return { ...say(words.cancelled), replaces: true };
      if (!this.#isAdmin(call)) return say(words.onlyAdmins(call));
      const by = originOf(call);
      if (verb === 'plan') {
        const [packed = '', ...rule] = fields;
        const standing = await mode.setSchedule(by, parseSchedule(rule.join(':')), unpack(packed));
        return { ...say(words.standing(standing)), replaces: true };
      }
      const wanted = { ms: Number(fields[0]), ...unpack(fields[1] ?? '') };
      const standing = await (verb === 'extend' ? mode.extend(by, wanted) : mode.warm(by, wanted));
      const text = words.standing(standing);
      return { ...say(verb === 'extend' ? words.extended(call.user, text) : text), replaces: true };
    });
  }

  async #do(verb: string, rest: string, call: CommandCall, warm: Set): Promise<CommandAnswer> {
    if (verb === 'status') return this.#status(call, warm);
    if (!['warm', 'cold', 'schedule'].includes(verb)) return say(words.usage);
    if (!this.#isAdmin(call)) return say(words.onlyAdmins(call));
    if (verb === 'warm') return this.#warm(rest, warm);
    if (verb === 'schedule') return this.#schedule(rest, call, warm);
    if (rest !== '') throw new InputError(`cold takes nothing more, not "${rest}".`);
    return say(words.standing(await warm.mode.cold(originOf(call))));
  }

  /** Says what it would cost; a press does it. */
  async #warm(text: string, { mode, costs }: Set): Promise<CommandAnswer> {
    const { rest, ...wanted } = parseWanted(text);
    const time = rest.replace(/^for\s+/i, '');
    const ms = time === '' ? this.#parts.defaultMs : parseDuration(time);
    await mode.check({ ms, ...wanted });
    const until = this.#parts.clock.now() + ms;
    return confirm(
      `keep:${ms}:${pack(wanted)}`,
      words.warmCost({ ms, until, wanted, costs, ...(await costs.spent()) }),
    );
  }

  async #schedule(text: string, call: CommandCall, { mode, costs }: Set): Promise<CommandAnswer> {
    if (text === '') return say(words.scheduleNow((await mode.state()).schedule));
    if (/^(off|none|stop)$/i.test(text)) {
      return say(words.standing(await mode.setSchedule(originOf(call), null)));
    }
    const { rest, ...wanted } = parseWanted(text);
    const schedule = parseSchedule(rest);
    await mode.check({ ms: 60_000, ...wanted });
    const weekMs = weekOf(schedule, this.#parts.clock.now());
    return confirm(
      `plan:${pack(wanted)}:${schedule.rule}`,
      words.scheduleCost({ schedule, weekMs, wanted, costs }),
    );
  }

  async #status(call: CommandCall, { mode, costs, store }: Set): Promise<CommandAnswer> {
    const [status, coldStarts] = await Promise.all([mode.status(), this.#parts.coldStarts()]);
    const audit = this.#isAdmin(call) ? await store.audit(AUDITED) : [];
    return say(words.status({ status, costs, usual: usualTime(coldStarts).usualMs, audit }));
  }

  #isAdmin({ platform, user }: Pick<CommandCall, 'platform' | 'user'>): boolean {
    return isAdmin(this.#parts.admins, platform, user);
  }

  async #guarded(work: (warm: Set) => Promise<CommandAnswer>): Promise<CommandAnswer> {
    const { warm, missing, log } = this.#parts;
    try {
      return warm ? await work(warm) : say(words.notSetUp(missing));
    } catch (error) {
      if (error instanceof InputError) return say(`⚠️ ${error.message}`);
      log.error({ err: error }, 'a command failed');
      return say(words.commandFailed);
    }
  }
}

const say = (text: string): CommandAnswer => ({ text, buttons: [], public: false, replaces: false });

const confirm = (id: string, text: string): CommandAnswer => ({
  ...say(text),
  buttons: [
    { id: PREFIX + id, label: words.keepLabel, primary: true },
    { id: `${PREFIX}cancel`, label: words.cancelLabel },
  ],
});

const originOf = ({ platform, channel, user }: Omit<CommandCall, 'text'>): Origin => ({
  platform,
  channel,
  user: user.id,
  ...(user.name !== undefined && { name: user.name }),
});

/** What is wanted, short enough for a button's id; reads back as the same. */
const pack = ({ containers, tuning = {} }: Wanted): string =>
  [containers, tuning.maxContainers, tuning.bufferContainers, tuning.scaledownWindowMs].join('.');

function unpack(packed: string): Wanted {
  const [containers, maxContainers, bufferContainers, scaledownWindowMs] = packed
    .split('.')
    .map((part) => (part === '' ? undefined : Number(part)));
  const tuning = {
    ...(maxContainers !== undefined && { maxContainers }),
    ...(bufferContainers !== undefined && { bufferContainers }),
    ...(scaledownWindowMs !== undefined && { scaledownWindowMs }),
  };
  return { containers: containers ?? 1, tuning };
}

/** How long its windows are in the coming week, ms. */
function weekOf(schedule: Schedule, now: number): number {
  let ms = 0;
  for (
    let window = schedule.next(now);
    window.start <= now + 7 * 86_400_000;
    window = schedule.next(window.start)
  )
    ms += window.end - window.start;
  return ms;
}
