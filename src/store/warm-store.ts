import type { PlatformName, Spot } from '../question.ts';

/** Who asked for a change, and where. */
export interface Origin extends Spot {
  readonly platform: PlatformName;
  readonly user: string;
  readonly name?: string;
}

/** What one autoscaler on Modal scales. */
export interface Target {
  readonly app: string;
  /** The name of a Server or Function; "Class.method" for a method of a Cls. */
  readonly server: string;
  readonly environment?: string | undefined;
}

/** The autoscaler's settings beside min_containers. */
export interface Tuning {
  readonly maxContainers: number;
  /** Idle containers kept beside busy ones. */
  readonly bufferContainers: number;
  /** Idle time after which a container is taken away, ms. */
  readonly scaledownWindowMs: number;
}

export interface Settings extends Tuning {
  readonly minContainers: number;
}

/** What admins want of one target, and how far Modal agrees. Times are ms since the epoch. */
export interface TargetState {
  /** Kept warm by hand. */
  readonly manual?: {
    readonly containers: number;
    readonly tuning?: Partial<Tuning>;
    readonly since: number;
    readonly until: number;
    readonly by: Origin;
    /** The channel was told that the end is near. */
    readonly told?: boolean;
  };
  /** Who asked for what has ended, to be told if Modal does not let it end. */
  readonly endedBy?: Origin;
  readonly schedule?: {
    readonly rule: string;
    readonly containers: number;
    readonly tuning?: Partial<Tuning>;
    readonly by: Origin;
  };
  /** The schedule's window that `cold` has ended early ends here; the next one counts again. */
  readonly pausedUntil?: number;
  /** What Modal confirmed last. */
  readonly agreed?: { readonly containers: number; readonly at: number; readonly settings: Settings };
  /** What Modal was told and did not confirm: it may be in force all the same. */
  readonly sent?: Settings;
  /** As the app was deployed, to be given back. */
  readonly deployed?: Tuning;
  /** Since when Modal does not keep as many as wanted. */
  readonly failing?: {
    readonly containers: number;
    readonly since: number;
    readonly reason: string;
    readonly told?: boolean;
  };
}

export interface WarmState {
  readonly targets?: Readonly<Record<string, { readonly target: Target } & TargetState>>;
  /** The last word about the budget: "2026-01 near", "2026-01 past". */
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
  /** Of all GPUs: a container with two of them counts twice. */
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
  /** Adds to a UTC day (2026-01-31). */
  addUsage(day: string, usage: Partial<Usage>): Promise<void>;
  /** The sum of all days that begin with this: "2026-01" for a month. */
  usage(prefix: string): Promise<Usage>;
}
