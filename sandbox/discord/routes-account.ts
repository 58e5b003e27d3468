import { ApplicationFlags, GatewayIntentBits } from 'discord.js';
import { apiError } from './errors.ts';
import type { Gateway } from './gateway.ts';
import { type ApiRequest, type ApiResponse, ok, type Route } from './http.ts';
import { channelPayload, guildPayload, memberPayload, userPayload } from './payloads.ts';
import type { World } from './world.ts';

/** The part of an application that READY tells; its flags say which privileged intents are switched on. */
export function applicationFlags(privileged: number): number {
  let flags = 0;
  if (privileged & GatewayIntentBits.MessageContent) flags |= ApplicationFlags.GatewayMessageContentLimited;
  if (privileged & GatewayIntentBits.GuildMembers) flags |= ApplicationFlags.GatewayGuildMembersLimited;
  if (privileged & GatewayIntentBits.GuildPresences) flags |= ApplicationFlags.GatewayPresenceLimited;
  return flags;
}

/** Who the bot is, where the gateway is, which server and people there are. */
export function accountRoutes(world: World, gateway: Gateway, privileged: number): Route[] {
  const application = () => ({
    id: world.applicationId,
    name: world.bot.name,
    icon: null,
    description: '',
    bot_public: false,
    bot_require_code_grant: false,
    verify_key: '0'.repeat(64),
    owner: userPayload(world.user(world.owner)),
    team: null,
    flags: applicationFlags(privileged),
    bot: userPayload(world.bot),
  });

  const inGuild =
    (answer: (request: ApiRequest) => ApiResponse) =>
    (request: ApiRequest): ApiResponse => {
      if (request.params.guild !== world.guildId) throw apiError(10004);
      return answer(request);
    };

  const member = ({ params }: ApiRequest): ApiResponse => {
    const user = world.users.get(params.user!);
    if (!user) throw apiError(10007);
    return ok({ ...memberPayload(world, user), user: userPayload(user) });
  };

  const user = ({ params }: ApiRequest): ApiResponse => {
    const found = world.users.get(params.user!);
    if (!found) throw apiError(10013);
    return ok(userPayload(found));
  };

  const openDm = ({ body }: ApiRequest): ApiResponse => {
    const person = world.users.get(String(body.recipient_id));
    if (!person || person.bot) throw apiError(10013);
    return ok(channelPayload(world, world.dm(person.id)));
  };

  return [
    { method: 'GET', path: '/gateway', handle: () => ok({ url: gateway.bot().url }) },
    { method: 'GET', path: '/gateway/bot', handle: () => ok(gateway.bot()) },
    { method: 'GET', path: '/users/@me', handle: () => ok(userPayload(world.bot)) },
    { method: 'GET', path: '/users/:user', handle: user },
    { method: 'POST', path: '/users/@me/channels', handle: openDm },
    { method: 'GET', path: '/applications/@me', handle: () => ok(application()) },
    { method: 'GET', path: '/oauth2/applications/@me', handle: () => ok(application()) },
    { method: 'GET', path: '/guilds/:guild', handle: inGuild(() => ok(guildPayload(world))) },
    { method: 'GET', path: '/guilds/:guild/members/:user', handle: inGuild(member) },
    {
      method: 'GET',
      path: '/guilds/:guild/channels',
      handle: inGuild(() => ok(guildPayload(world).channels)),
    },
  ];
}
