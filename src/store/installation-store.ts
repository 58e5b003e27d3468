/**
 * The workspaces that have installed the bot. What is kept of each is sealed (src/seal.ts): it holds tokens.
 * Every write has happened when its promise resolves.
 */
export interface InstallationStore {
  /** Keeps this in place of what was kept under the key. `now` is ms since the epoch. */
  put(key: string, sealed: string, now: number): Promise<void>;
  get(key: string): Promise<string | null>;
  all(): Promise<readonly { readonly key: string; readonly sealed: string }[]>;
  /** Keeps the same under another seal, unless something else was put meanwhile. */
  reseal(key: string, before: string, after: string): Promise<void>;
  /** Deletes what was put up to this time; what was put later is another installation. */
  delete(key: string, until: number): Promise<void>;
}
