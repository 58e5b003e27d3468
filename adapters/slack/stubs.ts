import { sleep } from '../../src/clock.ts';
import type { SlackFile, SlackMessage } from './events.ts';
import type { Workspace } from './workspace.ts';

/** Slack waits 3 s until a question is stored, and the files are still to be read; ms. */
const TOLD_WITHIN = 1_000;

/**
 * The message with all of its files. In a channel that is shared with another organisation Slack sends their ids
 * alone (https://docs.slack.dev/reference/objects/file-object); what it does not tell when asked stays so.
 */
export async function withWholeFiles<M extends SlackMessage>(message: M, workspace: Workspace): Promise<M> {
  const { files, attachments } = message;
  const whole = (some: readonly SlackFile[]) => Promise.all(some.map((file) => wholeFile(file, workspace)));
  return {
    ...message,
    ...(files && { files: await whole(files) }),
    ...(attachments && {
      attachments: await Promise.all(
        attachments.map(async (one) => (one.files ? { ...one, files: await whole(one.files) } : one)),
      ),
    }),
  };
}

async function wholeFile(file: SlackFile, { client, clock }: Workspace): Promise<SlackFile> {
  if (file.file_access !== 'check_file_info') return file;
  const done = new AbortController();
  const late = sleep(clock, TOLD_WITHIN, done.signal).catch(() => {});
  const asked = client.files.info({ file: file.id! }).catch(() => {});
  const told = await Promise.race([asked, late]);
  done.abort();
  return (told?.file as SlackFile | undefined) ?? file;
}
