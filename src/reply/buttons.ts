import type { ButtonKind } from './surface.ts';

export const buttonLabels: Readonly<Record<ButtonKind, string>> = {
  stop: 'Stop',
  retry: 'Retry',
  continue: 'Continue',
  reasoning: 'Reasoning',
};

/** The id a platform sends back when a button is pressed; under 100 characters, Discord's limit. */
export function buttonId(kind: ButtonKind, turn: string): string {
  return `pilotlight:${kind}:${turn}`;
}

/** Undoes {@link buttonId}; null for an id that is not ours. */
export function parseButtonId(id: string): { kind: ButtonKind; turn: string } | null {
  const [prefix, kind, turn] = id.split(':');
  if (prefix !== 'pilotlight' || !kind || !turn || !(kind in buttonLabels)) return null;
  return { kind: kind as ButtonKind, turn };
}
