import type { AuditEntry, Target, TargetState, WarmStore } from '../store/warm-store.ts';

/** The part of what warm mode keeps that is about one target. */
export class TargetStore {
  readonly #all: WarmStore;
  readonly #target: Target;
  readonly #key: string;
  readonly #name: string;

  /** @param name the model's, for the audit; "default" is not named */
  constructor(all: WarmStore, target: Target, name = 'default') {
    this.#all = all;
    this.#target = target;
    this.#name = name;
    this.#key = keyOf(target);
  }

  /** Null when nobody ever changed anything. */
  async load(): Promise<TargetState | null> {
    return (await this.#all.load())?.targets?.[this.#key] ?? null;
  }

  /** As {@link WarmStore.change}. */
  async change(change: (state: TargetState) => TargetState, entry?: AuditEntry): Promise<TargetState> {
    const all = await this.#all.change((all) => {
      const before = all.targets?.[this.#key] ?? { target: this.#target };
      const after = change(before);
      if (after === before) return all;
      return { ...all, targets: { ...all.targets, [this.#key]: { ...after, target: this.#target } } };
    }, entry && this.#named(entry));
    return all.targets?.[this.#key] ?? {};
  }

  /** Nothing is wanted of it any more, and Modal knows. */
  async forget(entry?: AuditEntry): Promise<void> {
    await this.#all.change(({ targets = {}, ...all }) => {
      const { [this.#key]: _, ...others } = targets;
      return { ...all, targets: others };
    }, entry);
  }

  #named(entry: AuditEntry): AuditEntry {
    if (this.#name === 'default') return entry;
    return { ...entry, detail: `${entry.detail} (${this.#name})`.trim() };
  }
}

export const keyOf = ({ app, server, environment = '' }: Target): string =>
  [environment, app, server].join('/');
