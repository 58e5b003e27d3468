import type { Commands, Scope } from './commands.ts';
import { apiError, formError } from './errors.ts';
import { type ApiRequest, type ApiResponse, created, ok, type Route } from './http.ts';
import type { World } from './world.ts';

/** Registering application commands, globally and for the server. */
export function commandRoutes(world: World, commands: Commands): Route[] {
  const scoped =
    (scope: Scope, answer: (request: ApiRequest) => ApiResponse) =>
    (request: ApiRequest): ApiResponse => {
      if (request.params.application !== world.applicationId) throw apiError(20012);
      if (scope === 'guild' && request.params.guild !== world.guildId) throw apiError(50001);
      return answer(request);
    };
  const routes = (scope: Scope, path: string): Route[] => [
    { method: 'GET', path, handle: scoped(scope, () => ok(commands.list(scope))) },
    {
      method: 'PUT',
      path,
      handle: scoped(scope, ({ list }) => {
        if (!list) throw formError('_', 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType');
        return ok(commands.overwrite(scope, list));
      }),
    },
    {
      method: 'POST',
      path,
      handle: scoped(scope, ({ body }) => {
        const { command, existed } = commands.upsert(scope, body);
        return existed ? ok(command) : created(command);
      }),
    },
  ];
  return [
    ...routes('global', '/applications/:application/commands'),
    ...routes('guild', '/applications/:application/guilds/:guild/commands'),
  ];
}
