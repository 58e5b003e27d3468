import type { Logger } from 'pino';
import type { Notice, Tell } from '../modal/notices.ts';
import type { Admins } from './admins.ts';
import { extendButton } from './commands.ts';
import type { ChatPlatform, CommandNotice, Spot } from './ports.ts';
import * as words from './warm-words.ts';

/** Of these the admins are told as well: they are about money. */
const FOR_ADMINS: readonly Notice['about'][] = ['not-asleep', 'asleep-after-all', 'let-go', 'budget'];

/**
 * Writes what warm mode has to tell into the channel that asked (where the bot may not write there, to who asked),
 * and to the admins as direct messages. Best effort, one by one: the ids of admins may be roles, and not
 * everybody takes direct messages.
 */
export function createTell(
  platforms: readonly ChatPlatform[],
  admins: Admins,
  log: Logger,
  /** Which model it is about; without an id nobody looks after it any more. */
  model: { readonly name: string; readonly id?: string },
): Tell {
  /** True when it stands there. */
  const write = async (platform: ChatPlatform, where: Spot, notice: CommandNotice) => {
    try {
      await platform.tell?.(where, notice);
      return true;
    } catch (error) {
      log.warn(
        { platform: platform.platform, channel: where.channel, err: error },
        'a notice could not be written',
      );
      return false;
    }
  };
  const direct = async (platform: ChatPlatform, user: string) => {
    try {
      return await platform.directChannel?.(user);
    } catch (error) {
      log.info({ platform: platform.platform, user, err: error }, 'somebody takes no direct messages');
      return undefined;
    }
  };
  return async (to, notice) => {
    const shown = {
      text: words.notice(notice, model.name),
      buttons: notice.about === 'ending' && model.id ? [extendButton(model.id, notice.containers)] : [],
    };
    await Promise.all(
      platforms.map(async (platform) => {
        const asked = to?.platform === platform.platform ? to : undefined;
        const users = new Set(FOR_ADMINS.includes(notice.about) ? admins[platform.platform] : []);
        if (asked && !(await write(platform, asked, shown))) users.add(asked.user);
        const opened = await Promise.all([...users].map((user) => direct(platform, user)));
        // Who asked in direct messages has been told.
        const others = opened.filter((spot) => spot !== undefined && spot.channel !== asked?.channel);
        await Promise.all(others.map((spot) => write(platform, spot!, shown)));
      }),
    );
  };
}
