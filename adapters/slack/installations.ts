import type {
  InstallationStore as BoltInstallationStore,
  Installation,
  InstallationQuery,
} from '@slack/bolt';
import type { Logger } from 'pino';
import type { Clock } from '../../src/clock.ts';
import { OperatorError } from '../../src/errors.ts';
import type { Seal } from '../../src/seal.ts';
import type { InstallationStore } from '../../src/store/installation-store.ts';

/** The bot is not installed where something came from, or is to go. */
export class NotInstalled extends Error {
  override name = 'NotInstalled';
}

type Query = Pick<InstallationQuery<boolean>, 'teamId' | 'enterpriseId' | 'isEnterpriseInstall'>;

/**
 * What Bolt's installer keeps and looks up, sealed in the store: of a workspace under its id, of an
 * Enterprise Grid organisation that installed the bot as a whole under the organisation's.
 */
export class Installations implements BoltInstallationStore {
  readonly #store: InstallationStore;
  readonly #seal: Seal;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** As last seen, for while the store cannot be asked: people can then be told at least. */
  readonly #lastSeen = new Map<string, Installation<'v1' | 'v2', boolean>>();

  constructor(options: { store: InstallationStore; seal: Seal; clock: Clock; log: Logger }) {
    this.#store = options.store;
    this.#seal = options.seal;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /**
   * Has all sealed with the newest key, so that older ones may go. One that cannot be read harms no other.
   * @throws OperatorError when none can be read
   */
  async open(): Promise<void> {
    const all = await this.#store.all();
    const faults: OperatorError[] = [];
    for (const { key, sealed } of all) {
      try {
        const text = this.#seal.open(key, sealed);
        if (!this.#seal.isNewest(sealed)) await this.#store.reseal(key, sealed, this.#seal.seal(key, text));
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
        faults.push(error);
      }
    }
    if (faults.length > 0 && faults.length === all.length) throw faults[0];
    for (const { message } of faults) this.#log.error(message);
  }

  async storeInstallation(installation: Installation<'v1' | 'v2', boolean>): Promise<void> {
    const { team, enterprise, isEnterpriseInstall = false } = installation;
    const key = keyFor({ teamId: team?.id, enterpriseId: enterprise?.id, isEnterpriseInstall });
    await this.#store.put(key, this.#seal.seal(key, JSON.stringify(installation)), this.#clock.now());
    this.#log.info({ workspace: key }, 'installed');
  }

  /** @throws NotInstalled, or what the store throws */
  async fetchInstallation(query: InstallationQuery<boolean>): Promise<Installation<'v1' | 'v2', boolean>> {
    const key = keyFor(query);
    let sealed: string | null;
    try {
      sealed = await this.#store.get(key);
    } catch (error) {
      const lastSeen = this.#lastSeen.get(key);
      if (lastSeen) return lastSeen;
      throw error;
    }
    this.#lastSeen.delete(key);
    if (sealed === null) throw new NotInstalled(`the bot is not installed in ${key}`);
    const installation = JSON.parse(this.#seal.open(key, sealed));
    this.#lastSeen.set(key, installation);
    return installation;
  }

  /** `until` in ms since the epoch: a later installation is another one, and stays. */
  async delete(query: Query, until: number): Promise<void> {
    const key = keyFor(query);
    await this.#store.delete(key, until);
    this.#lastSeen.delete(key);
    this.#log.info({ workspace: key }, 'uninstalled');
  }
}

function keyFor({ teamId, enterpriseId, isEnterpriseInstall }: Query): string {
  const key = isEnterpriseInstall ? enterpriseId : teamId;
  if (!key) throw new NotInstalled('Slack does not say in which workspace');
  return key;
}
