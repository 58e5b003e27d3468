import {
  type APIApplicationCommand,
  type APIApplicationCommandOption,
  ApplicationCommandOptionType as OptionType,
  ApplicationCommandType as Type,
} from 'discord.js';
import { apiError, FormErrors } from './errors.ts';
import type { Snowflakes } from './snowflake.ts';

const COMMANDS = 100;
const OPTIONS = 25;
const SLASH_NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u;

export type Scope = 'global' | 'guild';
export interface Registered {
  readonly scope: Scope;
  readonly command: APIApplicationCommand;
}

type Json = Readonly<Record<string, unknown>>;

/** The application commands that the bot has registered. */
export class Commands {
  readonly #ids: Snowflakes;
  readonly #application: string;
  readonly #guild: string;
  #all: Registered[] = [];

  constructor(ids: Snowflakes, application: string, guild: string) {
    this.#ids = ids;
    this.#application = application;
    this.#guild = guild;
  }

  list(scope?: Scope): readonly APIApplicationCommand[] {
    return this.#all
      .filter((entry) => scope === undefined || entry.scope === scope)
      .map(({ command }) => command);
  }

  /** What a person in a server or a direct message can pick; a server's own command comes first. */
  find(name: string, type: Type, direct: boolean): Registered | undefined {
    const scopes: Scope[] = direct ? ['global'] : ['guild', 'global'];
    return scopes
      .map((scope) =>
        this.#all.find((e) => e.scope === scope && e.command.name === name && e.command.type === type),
      )
      .find(Boolean);
  }

  /** Replaces all commands of a scope. */
  overwrite(scope: Scope, bodies: readonly unknown[]): readonly APIApplicationCommand[] {
    const errors = new FormErrors();
    if (bodies.length > COMMANDS) throw apiError(30032);
    for (const [i, body] of bodies.entries()) checkCommand(body as Json, `${i}`, errors);
    const seen = new Set<string>();
    for (const [i, body] of bodies.entries()) {
      const key = `${(body as Json).type ?? Type.ChatInput} ${(body as Json).name}`;
      if (seen.has(key))
        errors.add(`${i}`, 'APPLICATION_COMMANDS_DUPLICATE_NAME', 'Application command names must be unique');
      seen.add(key);
    }
    errors.throwIfAny();
    const before = this.list(scope);
    const entries = bodies.map((body) => ({ scope, command: this.#complete(scope, body as Json, before) }));
    this.#all = [...this.#all.filter((entry) => entry.scope !== scope), ...entries];
    return this.list(scope);
  }

  /** Registers one command, or changes the one of that name and type. */
  upsert(scope: Scope, body: Json): { command: APIApplicationCommand; existed: boolean } {
    const errors = new FormErrors();
    checkCommand(body, '', errors);
    errors.throwIfAny();
    const before = this.list(scope);
    const command = this.#complete(scope, body, before);
    const existed = before.some(({ id }) => id === command.id);
    if (!existed && before.length >= COMMANDS) throw apiError(30032);
    this.#all = [...this.#all.filter((entry) => entry.command.id !== command.id), { scope, command }];
    return { command, existed };
  }

  #complete(scope: Scope, body: Json, before: readonly APIApplicationCommand[]): APIApplicationCommand {
    const type = body.type ?? Type.ChatInput;
    const known = before.find((command) => command.name === body.name && command.type === type);
    return {
      description: '',
      default_member_permissions: null,
      nsfw: false,
      integration_types: [0],
      contexts: null,
      ...body,
      type,
      id: known?.id ?? this.#ids.next(),
      application_id: this.#application,
      version: this.#ids.next(),
      ...(scope === 'guild' ? { guild_id: this.#guild } : { dm_permission: true }),
    } as unknown as APIApplicationCommand;
  }
}

const join = (path: string, key: string | number) => (path ? `${path}.${key}` : `${key}`);

function checkCommand(body: Json, path: string, errors: FormErrors): void {
  const type = body?.type ?? Type.ChatInput;
  if (type === Type.ChatInput) {
    checkNameAndDescription(body, path, errors);
    if (body?.options !== undefined) checkOptions(body.options, join(path, 'options'), errors);
    return;
  }
  if (type !== Type.Message && type !== Type.User)
    errors.add(join(path, 'type'), 'BASE_TYPE_CHOICES', 'Value must be one of (1, 2, 3).');
  if (typeof body.name !== 'string' || body.name.length < 1 || body.name.length > 32)
    errors.add(join(path, 'name'), 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 32 in length.');
  if (body.description)
    errors.add(
      join(path, 'description'),
      'APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED',
      'Context menu commands cannot have a description',
    );
}

function checkNameAndDescription(body: Json, path: string, errors: FormErrors): void {
  const { name, description } = body ?? {};
  if (typeof name !== 'string' || !SLASH_NAME.test(name) || name !== name.toLowerCase())
    errors.add(join(path, 'name'), 'APPLICATION_COMMAND_INVALID_NAME', 'Command name is invalid');
  if (typeof description !== 'string' || description.length < 1 || description.length > 100)
    errors.add(join(path, 'description'), 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 100 in length.');
}

function checkOptions(value: unknown, path: string, errors: FormErrors): void {
  if (!Array.isArray(value) || value.length > OPTIONS) {
    errors.add(path, 'BASE_TYPE_MAX_LENGTH', `Must be ${OPTIONS} or fewer in length.`);
    return;
  }
  let optional = false;
  const names = new Set<unknown>();
  for (const [i, option] of (value as APIApplicationCommandOption[]).entries()) {
    const at = join(path, i);
    checkNameAndDescription(option as unknown as Json, at, errors);
    if (!(option.type >= OptionType.Subcommand && option.type <= OptionType.Attachment))
      errors.add(join(at, 'type'), 'BASE_TYPE_CHOICES', 'Value must be one of (1, …, 11).');
    if (names.has(option.name))
      errors.add(at, 'APPLICATION_COMMAND_OPTIONS_NAME_DUPLICATED', 'Option names must be unique');
    names.add(option.name);
    if (option.required && optional)
      errors.add(
        at,
        'APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID',
        'Required options must be placed before non-required options',
      );
    optional ||= !option.required;
    if ('options' in option && option.options) checkOptions(option.options, join(at, 'options'), errors);
    if ('choices' in option && (option.choices?.length ?? 0) > OPTIONS)
      errors.add(join(at, 'choices'), 'BASE_TYPE_MAX_LENGTH', `Must be ${OPTIONS} or fewer in length.`);
  }
}
