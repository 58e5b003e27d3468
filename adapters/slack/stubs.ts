import type { SlackFile, SlackMessage } from './events.ts';
import { inTime } from './in-time.ts';
import type { Workspace } from './workspace.ts';

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
  const told = await inTime(client.files.info({ file: file.id! }), clock).catch(() => {});
  return (told?.file as SlackFile | undefined) ?? file;
}
