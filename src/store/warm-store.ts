import type { PlatformName } from '../bot/ports.ts';

/** Who asked for a change, and where. */
export interface Origin {
  readonly platform: PlatformName;
  readonly channel: string;
  readonly user: string;
  readonly name?: string;
}

/** What admins want of the model, and how far Modal agrees. Times are ms since the epoch. */
export interface WarmState {
  /** Kept warm by hand. */
  readonly manual?: {
    readonly containers: number;
    readonly since: number;
    readonly until: number;
    readonly by: Origin;
    /** The channel was told that the end is near. */
    readonly told?: boolean;
  };
  /** Who asked for what has ended, to be told if Modal does not let it end. */
  readonly endedBy?: Origin;
  readonly schedule?: { readonly rule: string; readonly containers: number; readonly by: Origin };
  /** The schedule's window that `cold` has ended early ends here; the next one counts again. */
  readonly pausedUntil?: number;
  /** What Modal confirmed last. */
  readonly agreed?: { readonly containers: number; readonly at: number; readonly max?: number };
  /** Since when Modal does not do what is wanted. */
  readonly failing?: { readonly since: number; readonly reason: string; readonly told?: boolean };
  /** The last word about the budget: "2026-01 80%", "2026-01 100%". */
  readonly budgetTold?: string;
}

export interface AuditEntry {
  readonly at: number;
  /** Null for what Pilotlight did by itself. */
  readonly origin: Origin | null;
  readonly action: 'warm' | 'extend' | 'cold' | 'schedule' | 'ended' | 'budget';
  readonly detail: string;
}

/** One day's or several days' sums. */
export interface Usage {
  readonly containerMs: number;
  readonly microUsd: number;
  readonly prewarms: number;
  /** Pre-warmings that a question followed. */
  readonly prewarmsOfUse: number;
}

/** What warm mode keeps. Every write has happened when its promise resolves. */
export interface WarmStore {
  /** Null when nobody ever changed anything. */
  load(): Promise<WarmState | null>;
  /**
   * Stores what `change` makes of the state; nobody comes in between. The audit entry is stored with it, but
   * not when `change` gave back the very same state.
   */
  change(change: (state: WarmState) => WarmState, entry?: AuditEntry): Promise<WarmState>;
  /** Newest first. */
  audit(limit: number): Promise<readonly AuditEntry[]>;
  /** Takes or renews the lead for `forMs`; false while another process has it. */
  lead(holder: string, now: number, forMs: number): Promise<boolean>;
  /** Gives the lead up. */
  yieldLead(holder: string): Promise<void>;
  /** Adds to a UTC day (2026-01-31). */
  addUsage(day: string, usage: Partial<Usage>): Promise<void>;
  /** The sum of all days that begin with this: "2026-01" for a month. */
  usage(prefix: string): Promise<Usage>;
}
