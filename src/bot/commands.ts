import type { Logger } from 'pino';
import { parseDuration } from '../modal/duration.ts';
import { InputError } from '../modal/input-error.ts';
import { parseSchedule, type Schedule } from '../modal/schedule.ts';
import { parseWanted, type Wanted } from '../modal/wanted.ts';
import type { Keeper } from '../modal/warm-modes.ts';
import { usualTime } from '../model/cold-starts.ts';
import type { Origin, WarmStore } from '../store/warm-store.ts';
import { type Admins, isAdmin } from './admins.ts';
import type { CommandButton, CommandNotice, PlatformName, Spot, User } from './ports.ts';
import * as words from './warm-words.ts';

/** A command as it was given, in no platform's form. */
export interface CommandCall extends Spot {
  readonly platform: PlatformName;
  /** The channel that a thread is in, where the thread is a channel of its own. */
  readonly parent?: string;
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

type Place = Pick<CommandCall, 'channel' | 'parent'>;

export interface WarmModels {
  /** The model of a place; or the settings that it would need. */
  of(place: Place): Keeper | { readonly missing: readonly string[] };
  /** Of all places. */
  readonly all: readonly Keeper[];
}

export interface CommandParts {
  readonly models: WarmModels;
  readonly store: WarmStore;
  readonly admins: Admins;
  /** How long `warm` is without a word, ms. */
  readonly defaultMs: number;
  /** Cold starts of a place's model so far, ms. */
  readonly coldStarts: (place: Place) => Promise<readonly number[]>;
  readonly clock: { now(): number };
  readonly log: Logger;
}

const PREFIX = 'pilotlight-warm:';
const AUDITED = 10;
const PUBLIC = /(?:^|\s)public$/i;

export const isCommandButton = (id: string): boolean => id.startsWith(PREFIX);

export const extendButton = (model: string, containers: number): CommandButton => ({
  id: `${PREFIX}extend:${model}:${words.EXTENSION}:${containers}`,
  label: words.extendLabel,
  primary: true,
});

/** `warm`, `cold`, `status`, `schedule`: read, allowed or not, done, answered. */
export function createCommands(parts: CommandParts): Commands {
  return new WarmCommands(parts);
}

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
    return this.#guarded(async () => {
      const answer = await this.#do(verb.toLowerCase(), rest, call);
      return { ...answer, public: isPublic };
    });
  }

  press(id: string, call: Omit<CommandCall, 'text'>): Promise<CommandAnswer> {
    const [verb, of, ...fields] = id.slice(PREFIX.length).split(':');
    return this.#guarded(async () => {
      if (verb === 'cancel') return { ...say(words.cancelled), replaces: true };
      if (!this.#isAdmin(call)) return say(words.onlyAdmins(call));
      const warm = this.#parts.models.all.find(({ id }) => id === of);
      if (!warm) return { ...say(words.noSuchModel), replaces: true };
      const { mode } = warm;
      const by = originOf(call);
      const done = (text: string) => ({ ...this.#about(warm, say(text)), replaces: true });
      if (verb === 'set') {
        const [packed = '', ...rule] = fields;
        return done(
          words.standing(await mode.setSchedule(by, parseSchedule(rule.join(':')), unpack(packed))),
        );
      }
      const wanted = { ms: Number(fields[0]), ...unpack(fields[1] ?? '') };
      if (verb === 'keep') return done(words.standing(await mode.warm(by, wanted)));
      return done(words.extended(call.user, words.standing(await mode.extend(by, wanted))));
    });
  }

  async #do(verb: string, rest: string, call: CommandCall): Promise<CommandAnswer> {
    const warm = this.#parts.models.of(call);
    if ('missing' in warm) return say(words.notSetUp(warm.missing));
    if (verb === 'status') return this.#status(call, warm);
    if (!['warm', 'cold', 'schedule'].includes(verb)) return say(words.usage);
    if (!this.#isAdmin(call)) return say(words.onlyAdmins(call));
    if (verb === 'warm') return this.#about(warm, await this.#warm(rest, warm));
    if (verb === 'schedule') return this.#about(warm, await this.#schedule(rest, call, warm));
    if (rest !== '') throw new InputError(`cold takes nothing more, not "${rest}".`);
    return this.#about(warm, say(words.standing(await warm.mode.cold(originOf(call)))));
  }

  /** Says what it would cost; a press does it. */
  async #warm(text: string, { id, mode, costs }: Keeper): Promise<CommandAnswer> {
    const { rest, ...wanted } = parseWanted(text);
    const time = rest.replace(/^for\s+/i, '');
    const ms = time === '' ? this.#parts.defaultMs : parseDuration(time);
    await mode.check({ ms, ...wanted });
    const until = this.#parts.clock.now() + ms;
    return confirm(
      `keep:${id}:${ms}:${pack(wanted)}`,
      words.warmCost({ ms, until, wanted, costs, ...(await costs.spent()) }),
    );
  }

  async #schedule(text: string, call: CommandCall, { id, mode, costs }: Keeper): Promise<CommandAnswer> {
    if (text === '') return say(words.scheduleNow((await mode.state()).schedule));
    if (/^(off|none|stop)$/i.test(text)) {
      return say(words.standing(await mode.setSchedule(originOf(call), null)));
    }
    const { rest, ...wanted } = parseWanted(text);
    const schedule = parseSchedule(rest);
    await mode.check({ ms: 60_000, ...wanted });
    const weekMs = weekOf(schedule, this.#parts.clock.now());
    return confirm(
      `set:${id}:${pack(wanted)}:${shorten(schedule)}`,
      words.scheduleCost({ schedule, weekMs, wanted, costs }),
    );
  }

  async #status(call: CommandCall, warm: Keeper): Promise<CommandAnswer> {
    const { models, store, coldStarts } = this.#parts;
    const others = models.all.filter(({ id }) => id !== warm.id);
    const [status, starts, ...rest] = await Promise.all([
      warm.mode.status(),
      coldStarts(call),
      ...others.map(async ({ model, mode }) => ({ name: model.name, status: await mode.status() })),
    ]);
    const audit = this.#isAdmin(call) && !PUBLIC.test(call.text) ? await store.audit(AUDITED) : [];
    const { usualMs: usual } = usualTime(starts);
    return this.#about(warm, say(words.status({ status, costs: warm.costs, usual, others: rest, audit })));
  }

  /** Where there are several models, an answer says of which it is. */
  #about({ model }: Keeper, answer: CommandAnswer): CommandAnswer {
    if (this.#parts.models.all.length < 2) return answer;
    return { ...answer, text: `${words.modelName(model.name)}: ${answer.text}` };
  }

  #isAdmin({ platform, user }: Pick<CommandCall, 'platform' | 'user'>): boolean {
    return isAdmin(this.#parts.admins, platform, user);
  }

  async #guarded(work: () => Promise<CommandAnswer>): Promise<CommandAnswer> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof InputError) return say(`⚠️ ${error.message}`);
      this.#parts.log.error({ err: error }, 'a command failed');
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

const originOf = ({ platform, channel, workspace, user }: Omit<CommandCall, 'text'>): Origin => ({
  platform,
  channel,
  ...(workspace !== undefined && { workspace }),
  user: user.id,
  ...(user.name !== undefined && { name: user.name }),
});

/** What is wanted, short enough for a button's id; reads back as the same. */
const pack = ({ containers, tuning = {} }: Wanted): string =>
  [containers, tuning.maxContainers, tuning.bufferContainers, seconds(tuning.scaledownWindowMs)].join('.');

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? ms : ms / 1_000);

/** The rule with days of two letters, for the same: "mo-tu,th-fr,su 09:00-18:00 Europe/Berlin". */
const shorten = ({ rule }: Schedule): string =>
  rule.replace(/^\S+/, (days) => days.replace(/([a-z]{2})[a-z]/g, '$1'));

function unpack(packed: string): Wanted {
  const [containers, maxContainers, bufferContainers, idle] = packed
    .split('.')
    .map((part) => (part === '' ? undefined : Number(part)));
  const tuning = {
    ...(maxContainers !== undefined && { maxContainers }),
    ...(bufferContainers !== undefined && { bufferContainers }),
    ...(idle !== undefined && { scaledownWindowMs: idle * 1_000 }),
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
