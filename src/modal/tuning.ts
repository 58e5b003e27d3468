import type { Settings, TargetState, Tuning } from '../store/warm-store.ts';
import type { ScalingChange } from './autoscaler.ts';
import type { Desired } from './desired.ts';

/**
 * What holds where Modal names no value. https://modal.com/docs/guide/scale has 60 s and no limit; how to take a
 * limit away again is not documented, so a number that nobody reaches stands for none.
 */
const DEFAULTS: Settings = {
  minContainers: 0,
  maxContainers: 1_000,
  bufferContainers: 0,
  scaledownWindowMs: 60_000,
};

/** What an autoscaler said of itself, completed. */
export function settingsOf(said: ScalingChange): Settings {
  const named = Object.entries(said).filter(([, value]) => value !== undefined);
  return { ...DEFAULTS, ...Object.fromEntries(named) };
}

/**
 * How the app was deployed, by what is in force now. A deploy resets everything, min_containers too; what
 * somebody else has changed meanwhile is the app's own as well.
 */
export function deployedTuning(now: Settings, { agreed, sent, deployed }: TargetState): Tuning {
  const ours = [agreed?.settings, sent].filter((settings) => settings !== undefined);
  const isOurs = (key: keyof Settings) => ours.some((settings) => settings[key] === now[key]);
  const own = (key: keyof Tuning) =>
    deployed && isOurs('minContainers') && isOurs(key) ? deployed[key] : now[key];
  return {
    maxContainers: own('maxContainers'),
    bufferContainers: own('bufferContainers'),
    scaledownWindowMs: own('scaledownWindowMs'),
  };
}

/** What must be said so that `wanted` comes to be in force; nothing when it is. */
export function difference(now: Settings, wanted: Settings): ScalingChange {
  const keys = Object.keys(wanted) as (keyof Settings)[];
  return Object.fromEntries(keys.filter((key) => now[key] !== wanted[key]).map((key) => [key, wanted[key]]));
}

/** The app's own settings, and on top of them what is asked for; never a min above the max. */
export function wantedSettings({ containers, tuning }: Desired, deployed: Tuning): Settings {
  const wanted = { ...deployed, ...tuning };
  return { ...wanted, minContainers: Math.min(containers, wanted.maxContainers) };
}

/** True when Modal has confirmed what is wanted. */
export function isConfirmed({ agreed, deployed, failing }: TargetState, desired: Desired): boolean {
  if (failing) return false;
  // Nobody ever changed anything: as the app was deployed.
  if (!agreed || !deployed) return desired.containers === 0;
  const wanted = wantedSettings(desired, deployed);
  return (
    agreed.containers === desired.containers && Object.keys(difference(agreed.settings, wanted)).length === 0
  );
}
