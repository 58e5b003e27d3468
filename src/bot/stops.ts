/** Why a turn was told to stop: the reasons of its one AbortController. */

/** A person pressed Stop. */
export class Stopped {
  readonly by: string | undefined;
  constructor(by?: string) {
    this.by = by;
  }
}

/** This process is ending. */
export class ShuttingDown {}

/** A person deleted the reply. */
export class ReplyDeleted {}
