import type { Tuning } from '../store/warm-store.ts';
import { WINDOW_MS } from './autoscaler.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { InputError } from './input-error.ts';

/** What an admin asks for. */
export interface Wanted {
  readonly containers: number;
  /** What is left out is as the app was deployed. */
  readonly tuning?: Partial<Tuning>;
}

/** What stands for no limit (see tuning.ts); a longer number would not fit into a button's id either. */
const MOST_CONTAINERS = 1_000;
const NUMBER = /^\d+$/;
const MAX = /(?:^|\s)max\s+(\S+)(?:\s+containers?)?(?=\s|$)/i;
const BUFFER = /(?:^|\s)buffer\s+(\S+)(?:\s+containers?)?(?=\s|$)/i;
const IDLE = /(?:^|\s)idle\s+(\S+(?:\s+(?:s|sec|seconds?|m|min|minutes?))?)(?=\s|$)/i;
const CONTAINERS = /(?:^|\s)(?:[x×]\s*(\S+)|(\S+)\s*containers?)(?=\s|$)/i;

/**
 * Takes "2 containers max 4 buffer 1 idle 10m" out of a command, in any order and each of them or none; gives
 * what is left over as `rest`. @throws InputError
 */
export function parseWanted(text: string): Wanted & { readonly rest: string } {
  let rest = text;
  const take = (pattern: RegExp): string | undefined => {
    const [match, first, second] = pattern.exec(rest) ?? [];
    if (match === undefined) return undefined;
    rest = rest.replace(match, ' ');
    return first ?? second;
  };
  const maxContainers = countOf(take(MAX), 'max');
  const bufferContainers = countOf(take(BUFFER), 'buffer');
  const idle = take(IDLE);
  const containers = countOf(take(CONTAINERS)) ?? 1;
  const tuning = {
    ...(maxContainers !== undefined && { maxContainers }),
    ...(bufferContainers !== undefined && { bufferContainers }),
    ...(idle !== undefined && { scaledownWindowMs: Math.round(parseDuration(idle) / 1_000) * 1_000 }),
  };
  return { containers, tuning, rest: rest.replace(/\s+/g, ' ').trim() };
}

/** "2 containers, max 4, buffer 1, idle 10 min" */
export function formatWanted({ containers, tuning = {} }: Partial<Wanted>): string {
  const { maxContainers, bufferContainers, scaledownWindowMs: idle } = tuning;
  return [
    containers !== undefined && (containers === 1 ? '1 container' : `${containers} containers`),
    maxContainers !== undefined && `max ${maxContainers}`,
    bufferContainers !== undefined && `buffer ${bufferContainers}`,
    idle !== undefined && `idle ${formatIdle(idle)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** Exact: "10 min", "90 s" */
export const formatIdle = (ms: number): string =>
  ms % 60_000 === 0 ? formatDuration(ms) : `${ms / 1_000} s`;

/** @param most containers that may be kept at once @throws InputError */
export function checkWanted({ containers, tuning = {} }: Wanted, most: number): void {
  const { maxContainers: max, bufferContainers: buffer, scaledownWindowMs: idle } = tuning;
  if (!(Number.isInteger(containers) && containers >= 1 && containers <= most))
    throw new InputError(`Say a number of containers from 1 to ${most}, not ${containers}.`);
  if (max !== undefined && max < containers)
    throw new InputError(
      `At least ${formatWanted({ containers })} and at most ${max} cannot both be: raise the max, or keep fewer.`,
    );
  if (max !== undefined && max > MOST_CONTAINERS)
    throw new InputError(`Say a max of ${MOST_CONTAINERS} containers or fewer, not ${max}.`);
  if (buffer !== undefined && buffer > most)
    throw new InputError(`Say a buffer from 0 to ${most} containers, not ${buffer}.`);
  if (idle !== undefined && !(idle >= WINDOW_MS.min && idle <= WINDOW_MS.max))
    throw new InputError('A container can stay idle for 2 s to 20 min, no less and no more.');
}

function countOf(text: string | undefined, name = ''): number | undefined {
  if (text === undefined) return undefined;
  if (!NUMBER.test(text))
    throw new InputError(`"${name ? `${name} ${text}` : text}" is not a number of containers.`);
  return Number(text);
}
