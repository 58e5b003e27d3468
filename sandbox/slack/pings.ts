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

/** The mentions in `after` that were not in `before`, each once. */
export function newPings(message: string, before: string, after: string, notified: boolean): Ping[] {
  const known = mentionsIn(before);
  const added = new Set(mentionsIn(after).filter((what) => !known.includes(what)));
  return [...added].map((what) => ({ message, what, notified }));
}
