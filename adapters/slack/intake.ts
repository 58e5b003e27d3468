import type { RequestListener } from 'node:http';
import type { HTTPReceiver, SocketModeReceiver } from '@slack/bolt';

/** How events, commands and presses come in. */
export interface Intake {
  /** For Bolt, which is not to start or stop it. */
  readonly receiver: HTTPReceiver | SocketModeReceiver;
  readonly connected: boolean;
  /** Rejects with an OperatorError. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** Answers what Slack calls by HTTP. */
  readonly listener?: RequestListener;
}
