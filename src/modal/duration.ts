import { InputError } from './input-error.ts';

const UNITS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(s|secs?|seconds?)$/, 's'],
  [/^(m|min|mins|minutes?)$/, 'm'],
  [/^(h|hrs?|hours?)$/, 'h'],
  [/^(d|days?)$/, 'd'],
  [/^(w|weeks?)$/, 'w'],
];
/** "2h", "1h30m", "1.5 hours", "1 h 30 min" */
const PART = /(\d+(?:[.,]\d+)?)\s*([a-z]+)/g;

/** Reads how long something is to last. ms. @throws InputError for what is no such time */
export function parseDuration(text: string): number {
  const written = text.trim().toLowerCase();
  const parts = [...written.matchAll(PART)];
  const units = parts.map(([, , name = '']) => NAMES.find(([pattern]) => pattern.test(name))?.[1]);
  const rest = written
    .replace(PART, '')
    .replace(/\band\b/g, '')
    .trim();
  if (parts.length === 0 || rest !== '' || units.includes(undefined))
    throw new InputError(`"${text.trim()}" is not a length of time. Say it like 2h, 90m or 1h30m.`);
  const ms = parts.reduce(
    (sum, [, figure = ''], index) => sum + Number(figure.replace(',', '.')) * UNITS[units[index]!]!,
    0,
  );
  return Math.round(ms);
}

/** "2 h", "1 h 30 min", "45 min", "20 s" */
export function formatDuration(ms: number): string {
  if (ms < 59_500) return `${Math.max(0, Math.round(ms / 1_000))} s`;
  const minutes = Math.round(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  return [hours > 0 && `${hours} h`, minutes % 60 > 0 && `${minutes % 60} min`].filter(Boolean).join(' ');
}
