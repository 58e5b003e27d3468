import { mentionsIn } from './mrkdwn.ts';

/** A mention in something the bot wrote that Slack made real. */
export interface Ping {
  /** ts of the message */
  readonly message: string;
  /** As written, e.g. `<!channel>`. */
  readonly what: string;
  /** False for a mention that came by an edit: it is shown, but notifies nobody. */
  readonly notified: boolean;
}

/** The mentions in `after` that were not in `before`. */
export function newPings(message: string, before: string, after: string, notified: boolean): Ping[] {
  const known = [...mentionsIn(before)];
  const added = mentionsIn(after).filter((what) => {
    const index = known.indexOf(what);
    if (index >= 0) known.splice(index, 1);
    return index < 0;
  });
  return added.map((what) => ({ message, what, notified }));
}
