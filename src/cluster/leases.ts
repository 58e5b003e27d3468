/** What only one process at a time may do: hold a gateway connection, reconcile warm mode. */
export interface Leases {
  /** False for a process that is alone: there is nobody to leave anything to. */
  readonly shared: boolean;
  /**
   * Takes the lease of this name, or renews it, for `forMs`: true while it is this process's, false while another
   * has it. Renew well before the time is over, and stop what it allows when that fails.
   */
  hold(name: string, forMs: number): Promise<boolean>;
  /** Gives it up, so that another process may have it at once. Nothing happens where it is not this process's. */
  release(name: string): Promise<void>;
}

/** The leases of a process that is alone: all are its own. */
export class LocalLeases implements Leases {
  readonly shared = false;

  async hold(): Promise<boolean> {
    return true;
  }

  async release(): Promise<void> {}
}
