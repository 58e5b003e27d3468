import type { PlatformName, User } from './ports.ts';

/** User ids, on Discord role ids too, by platform. Nobody is an admin by default. */
export type Admins = Readonly<Record<PlatformName, readonly string[]>>;

export function isAdmin(admins: Admins, platform: PlatformName, { id, roles }: User): boolean {
  return [id, ...roles].some((one) => admins[platform].includes(one));
}
