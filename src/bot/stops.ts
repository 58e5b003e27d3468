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

/** Another process goes on with the turn: this one leaves it without a word. */
export class Left {}

/** A person deleted the reply. */
export class ReplyDeleted {}
