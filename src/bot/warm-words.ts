/** What admins read about warm mode. Times stand as marks that each platform shows in the reader's zone. */
import type { Costs, Spent } from '../modal/costs.ts';
import type { Desired } from '../modal/desired.ts';
import { formatDuration } from '../modal/duration.ts';
import type { Notice } from '../modal/notices.ts';
import { formatUsd } from '../modal/prices.ts';
import type { Schedule } from '../modal/schedule.ts';
import { formatIdle, formatWanted, type Wanted } from '../modal/wanted.ts';
import type { Standing, Status } from '../modal/warm-mode.ts';
import type { AuditEntry, TargetState } from '../store/warm-store.ts';
import type { PlatformName, User } from './ports.ts';

/** What one press of Extend adds, ms. */
export const EXTENSION = 3_600_000;

const MARK = /⟦(\d+)⟧/g;
const at = (ms: number): string => `⟦${Math.round(ms)}⟧`;

/** Puts a platform's way of showing a moment (ms since the epoch) in place of the marks. */
export const showTimes = (text: string, show: (ms: number) => string): string =>
  text.replace(MARK, (_, ms: string) => show(Number(ms)));

/** "2026-01-05 12:00 UTC" */
export const utc = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const keepLabel = 'Keep warm';
export const cancelLabel = 'Cancel';
export const extendLabel = 'Extend by 1 h';
export const cancelled = 'Nothing was changed.';
export const commandFailed = '⚠️ That did not work just now. Try again in a minute.';

export const usage = [
  'What I can do:',
  '• `warm 2h`: keep the model awake for 2 hours, for more at once `warm 2h 2 containers`',
  '• `warm 2h max 4 buffer 1 idle 10m`: 4 containers at most, 1 kept ready beside busy ones, idle ones go after 10 minutes',
  '• `cold`: let it sleep',
  '• `status`: what runs, until when, and what it cost',
  '• `schedule weekdays 9-18 Europe/Berlin`: keep it awake at these times; `schedule off` ends that',
  'Only you see the answer, unless you add the word `public`.',
].join('\n');

export function onlyAdmins({ platform, user }: { platform: PlatformName; user: User }): string {
  const setting = platform === 'slack' ? 'SLACK_ADMIN_IDS' : 'DISCORD_ADMIN_IDS';
  return `🔒 Only admins can do that. To become one, ask whoever runs the bot to add your id ${user.id} to ${setting}.`;
}

export const notSetUp = (missing: readonly string[]): string =>
  `🔧 Warm mode is not set up: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing. Whoever runs the bot finds in .env.example what belongs there. The model wakes for questions as always.`;

export const modelName = (name: string): string => `\`${name}\``;
export const noSuchModel = 'The settings of the bot name that model no more.';

const count = (containers: number): string => formatWanted({ containers });

/** How things stand after a change. */
export function standing({ desired, agreed, problem, state }: Standing): string {
  const { containers, because } = desired;
  if (!agreed) {
    const why = problem ?? 'Modal was not asked yet.';
    const cold = because === 'budget' ? "cold, since this month's GPU budget is used up" : 'cold';
    const wanted = containers > 0 ? `warm: ${wantedNow(desired)}` : cold;
    return `⚠️ Not done yet: the model is to be ${wanted}; but ${lower(why)} I go on trying; \`status\` tells when it is done.`;
  }
  if (because === 'budget')
    return "💤 Cold: this month's GPU budget is used up, so that nothing is kept warm. The model wakes for questions.";
  if (containers === 0) return `💤 Cold: the model sleeps when nobody asks.${paused(state)}`;
  const most = state.agreed?.settings.maxContainers ?? containers;
  return `🔥 Warm: ${wantedNow(desired)}.${
    most < containers ? ` The app's own max_containers lets only ${most} of them run.` : ''
  }`;
}

/** "2 containers, max 4 until 14:00, then 1 container until 17:00, by the schedule" */
function wantedNow(desired: Desired): string {
  const { until, next, because } = desired;
  const later = next ? `until ${at(next.at)}, then ${count(next.containers)} ` : '';
  return `${formatWanted(desired)} ${later}until ${at(until!)}${because === 'schedule' ? ', by the schedule' : ''}`;
}

const paused = ({ pausedUntil, schedule }: TargetState): string =>
  pausedUntil && schedule ? ` The schedule is paused until ${at(pausedUntil)}.` : '';

const lower = (sentence: string): string =>
  /^[A-Z](?!odal)/.test(sentence) ? sentence[0]!.toLowerCase() + sentence.slice(1) : sentence;

export function warmCost(ask: {
  ms: number;
  until: number;
  wanted: Wanted;
  costs: Costs;
  month: Spent['month'];
}): string {
  const { ms, until, wanted, costs, month } = ask;
  const { containers } = wanted;
  const cost = costs.of(containers, ms);
  const what = `Keep ${count(containers)} warm for ${formatDuration(ms)}, until ${at(until)}?`;
  const budget = costs.budgetUsd;
  const total = month.microUsd / 1e6 + (cost ?? 0);
  const passes = budget !== undefined && total > budget;
  return [
    what,
    cost === undefined
      ? 'What it costs is not known: MODAL_GPU is not set.'
      : `That costs about ${formatUsd(cost)} (${perHour(costs, containers)}).`,
    tuned(wanted, costs),
    passes && `⚠️ It would pass this month's budget of ${formatUsd(budget)}, and end when it does.`,
  ]
    .filter(Boolean)
    .join('\n');
}

export function scheduleCost(ask: {
  schedule: Schedule;
  weekMs: number;
  wanted: Wanted;
  costs: Costs;
}): string {
  const { schedule, weekMs, wanted, costs } = ask;
  const { containers } = wanted;
  const cost = costs.of(containers, weekMs);
  return [
    `Keep ${count(containers)} warm ${schedule.rule}?`,
    cost === undefined
      ? `That is ${formatDuration(weekMs)} a week; what it costs is not known: MODAL_GPU is not set.`
      : `That is ${formatDuration(weekMs)} a week and costs about ${formatUsd(cost)} each week (${perHour(costs, containers)}).`,
    tuned(wanted, costs),
  ]
    .filter(Boolean)
    .join('\n');
}

/** What else is asked for, and what that can come to. */
function tuned({ containers, tuning = {} }: Wanted, costs: Costs): string {
  const { maxContainers: max, bufferContainers: buffer, scaledownWindowMs: idle } = tuning;
  const dearest = max !== undefined && max > containers && costs.of(max, 3_600_000);
  const parts = [
    max !== undefined && `${count(max)} at most${dearest ? `, which is ${formatUsd(dearest)} an hour` : ''}`,
    buffer !== undefined && `${buffer} kept ready beside busy ones`,
    idle !== undefined && `idle ones go after ${formatIdle(idle)}`,
  ].filter(Boolean);
  return parts.length > 0
    ? `Meanwhile: ${parts.join('; ')}. Afterwards the app's own settings hold again.`
    : '';
}

export const scheduleNow = (schedule: TargetState['schedule']): string =>
  schedule
    ? `🗓 ${schedule.rule}, ${formatWanted(schedule)}. To end it: \`schedule off\`.`
    : 'There is no schedule. Set one like this: `schedule weekdays 9-18 Europe/Berlin`.';

export const extended = (user: User, text: string): string => `${text}\nExtended by ${user.name ?? user.id}.`;

function perHour(costs: Costs, containers: number): string {
  const { gpu, asOf } = costs.price!;
  const price = `${formatUsd(costs.of(containers, 3_600_000)!)} an hour on ${gpu}`;
  return asOf ? `${price}, by prices of ${asOf}` : price;
}

export function status(shown: {
  status: Status;
  costs: Costs;
  usual: number | undefined;
  /** The models of other places. */
  others: readonly { readonly name: string; readonly status: Status }[];
  audit: readonly AuditEntry[];
}): string {
  const { status, costs, usual, others, audit } = shown;
  const { spent, state } = status;
  const by = status.desired.containers > 0 ? state.manual?.by : undefined;
  return [
    standing(status) + (by && status.agreed ? ` Asked for by ${by.name ?? by.user}.` : ''),
    `Running now: ${runningNow(status)}`,
    state.schedule && `Schedule: ${state.schedule.rule}, ${formatWanted(state.schedule)}`,
    usual !== undefined && `A cold start usually takes ${Math.round(usual / 1_000)} s.`,
    `GPU time${others.length > 0 ? ' of all models' : ''}: today ${used(spent.today, costs)}; this month ${used(spent.month, costs)}${
      costs.budgetUsd === undefined ? '' : ` of ${formatUsd(costs.budgetUsd)}`
    } (estimated from containers seen running; days are UTC)`,
    costs.price && `A container costs ${perHour(costs, 1)}.`,
    spent.today.prewarms > 0 &&
      `Woken before a question today: ${spent.today.prewarms} times, ${spent.today.prewarmsOfUse} of them in time for one.`,
    others.length > 0 &&
      [
        'Other models:',
        ...others.map(
          (other) =>
            `• ${modelName(other.name)}: ${standing(other.status)} Running now: ${runningNow(other.status)}`,
        ),
      ].join('\n'),
    audit.length > 0 && ['Last changes:', ...audit.map(audited)].join('\n'),
  ]
    .filter(Boolean)
    .join('\n');
}

function runningNow({ running, desired, state: { agreed } }: Status): string {
  if (running === undefined) return 'Modal does not say';
  // After `cold` they cost for a while yet.
  const goesSoon = agreed !== undefined && desired.containers < running;
  return `${count(running)}${goesSoon ? ` (an idle one goes after ${formatIdle(agreed.settings.scaledownWindowMs)})` : ''}`;
}

const used = ({ containerMs, microUsd }: Spent['today'], costs: Costs): string =>
  formatDuration(containerMs) + (costs.price ? `, ${formatUsd(microUsd / 1e6)}` : '');

function audited({ at: when, origin, action, detail }: AuditEntry): string {
  const who = origin ? `${origin.name ?? origin.user} on ${origin.platform}` : 'Pilotlight';
  return `• ${at(when)} ${who}: ${action}${detail && ` ${detail}`}`;
}

/** @param model as the settings call it */
export function notice(told: Notice, model: string): string {
  const it = model === 'default' ? 'the model' : modelName(model);
  switch (told.about) {
    case 'ending':
      return `🔥 ${upper(it)} is kept warm until ${at(told.until)}. After that it sleeps when nobody asks.`;
    case 'not-asleep':
      return `⚠️ Since ${at(told.since)} ${it} is to be let sleep, but ${lower(told.reason)} It may still cost money. I go on trying, and tell you when it is done.`;
    case 'asleep-after-all':
      return `✅ Modal agrees again: ${it} is as you wanted it.`;
    case 'let-go':
      return told.isGone
        ? `ℹ️ The settings of the bot do not name ${it} any more, and Modal does not know it either: if it still runs somewhere, it has to be stopped there.`
        : `💤 The settings of the bot do not name ${it} any more: it was warm, and is let sleep now.`;
    case 'budget':
      return told.level === 'near'
        ? `💸 80 % of this month's GPU budget is used up: ${formatUsd(told.usd)} of ${formatUsd(told.budgetUsd)}.`
        : `💸 This month's GPU budget of ${formatUsd(told.budgetUsd)} is used up: nothing is kept warm until next month. Models still wake for questions.`;
  }
}

const upper = (text: string): string => text[0]!.toUpperCase() + text.slice(1);
