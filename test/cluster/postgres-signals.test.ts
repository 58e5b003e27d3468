import { describe, expect, it } from 'vitest';
import type { Link } from '../../src/cluster/link.ts';
import { PostgresSignals } from '../../src/cluster/postgres-signals.ts';
import type { Signal } from '../../src/cluster/signals.ts';

describe('signals between processes', () => {
  it('are told from whatever else somebody on the database notifies, which ends no process', () => {
    let notified: (text: string) => void = () => {};
    const link: Partial<Link> = {
      listen: (hear) => {
        notified = hear;
      },
    };
    const heard: Signal[] = [];
    new PostgresSignals(link as Link).listen((signal) => heard.push(signal));
    const signal = { kind: 'deleted', turn: 7 };
    for (const text of ['hello', '', 'null', '7', '{"kind":"work"}', JSON.stringify(signal)]) notified(text);
    expect(heard).toEqual([signal]);
  });
});
