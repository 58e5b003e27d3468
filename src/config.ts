import { z } from 'zod';
import { OperatorError } from './errors.ts';
import { misspelt } from './misspelt.ts';
import { InputError } from './modal/input-error.ts';
import { parsePrices, priceOf } from './modal/prices.ts';
import { extraFields } from './model/extra-fields.ts';
import { MIN_WINDOW } from './model/tokens.ts';

/** Where an operator gets each value; shown with every fault. .env.example tells more. */
const WHERE: Record<string, string> = {
  SLACK_BOT_TOKEN: 'api.slack.com/apps → your app → OAuth & Permissions → Bot User OAuth Token (xoxb-…)',
  SLACK_APP_TOKEN:
    'api.slack.com/apps → your app → Basic Information → App-Level Tokens, scope connections:write (xapp-…); or SLACK_SIGNING_SECRET, where Slack is to call by HTTP',
  SLACK_SIGNING_SECRET: 'api.slack.com/apps → your app → Basic Information → Signing Secret',
  SLACK_CLIENT_ID: 'api.slack.com/apps → your app → Basic Information → Client ID',
  SLACK_CLIENT_SECRET: 'api.slack.com/apps → your app → Basic Information → Client Secret',
  SLACK_STATE_SECRET: 'make one with: openssl rand -base64 32',
  TOKEN_ENCRYPTION_KEY: 'make one with: openssl rand -base64 32',
  SLACK_API_URL: 'leave it out for the real Slack',
  SLACK_ADMIN_IDS: 'Slack → a profile → ⋮ → Copy member ID (U…), separated by commas',
  DISCORD_TOKEN: 'discord.com/developers/applications → your app → Bot → Reset Token',
  DISCORD_API_URL: 'leave it out for the real Discord',
  DISCORD_ADMIN_IDS:
    'Discord with developer mode on → right click a user or role → Copy ID, separated by commas',
  DISCORD_GUILD_ID: 'Discord with developer mode on → right click the server → Copy Server ID',
  DISCORD_SHARDS: 'a whole number of gateway connections, or auto for as many as Discord recommends',
  MODEL_BASE_URL:
    'the address that `modal deploy` printed, or that of another OpenAI-compatible server, with /v1 at its end',
  MODEL_NAME: "the endpoint's served model name (see GET /v1/models)",
  MODEL_MAX_TOKENS: 'a whole number of tokens that one answer may have',
  MODEL_MAX_STREAMS: 'a whole number: answers the endpoint gives at once',
  MODEL_WAKE_MINUTES: 'minutes to wait for a sleeping model',
  MODEL_MAX_CONTEXT: 'a whole number of tokens: prompt and answer together',
  MODEL_EXTRA: 'JSON, such as {"temperature":0.2}',
  MODEL_IMAGES: 'true or false',
  MODEL_SHOW_REASONING: 'true or false',
  MODELS_FILE: 'the path of a file like models.example.yaml; leave it out for one model',
  MODAL_PROXY_KEY: 'modal.com/settings → Proxy Auth Tokens (wk-…)',
  MODAL_PROXY_SECRET: 'modal.com/settings → Proxy Auth Tokens (ws-…), shown once when the token is made',
  MODAL_SERVER_URL: 'leave it out for the real Modal',
  MODAL_GPU:
    "the gpu= of your Modal app, e.g. H100 or A100-80GB:2; it must have a price, of Modal's or in GPU_PRICES",
  GPU_PRICES: 'dollars a second of one GPU, e.g. H100=0.001097,H200=0.00126; see modal.com/pricing',
  GPU_BUDGET_USD: 'dollars a month; leave it out for no budget',
  LIMIT_QUESTIONS_PER_MINUTE: 'a whole number; leave it out for no limit',
  LIMIT_PERSON_USD_PER_DAY: 'dollars a day; leave it out for no limit',
  LIMIT_WORKSPACE_USD_PER_DAY: 'dollars a day; leave it out for no limit',
  LIMIT_WAITING: 'a whole number of questions',
  LIMIT_WAITING_PER_CONVERSATION: 'a whole number of questions',
  WARM_DEFAULT_HOURS: 'hours that a plain `warm` lasts',
  WARM_MAX_HOURS: 'the most hours that one can ask for at once',
  WARM_MAX_CONTAINERS: 'the most containers that one can ask for',
  PREWARM_ON_INTENT: 'true or false',
  PREWARM_DAILY_CAP: 'a whole number of times a day',
  MODAL_TOKEN_ID: 'modal.com/settings → API Tokens (ak-…)',
  MODAL_TOKEN_SECRET: 'modal.com/settings → API Tokens (as-…), shown once when the token is made',
  DATABASE_URL:
    'leave it out for pilotlight.db in this folder, or say sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE with %-codes for special characters',
  KEEP_DAYS: 'a whole number of days; leave it out to keep questions and answers for ever',
  ANNOUNCE_AFTER_SECONDS: 'a number of seconds; 0 turns announcements off',
  SHUTDOWN_SECONDS: 'a number of seconds',
  LOG_LEVEL: 'one of trace, debug, info, warn, error, fatal, silent',
  PORT: 'a free port from 1 to 65535, or 0 for any',
};

const text = z.string().trim();
const secret = (prefix: string, others: Record<string, string> = {}) =>
  text.superRefine((value, context) => {
    if (value.startsWith(prefix)) return;
    const other = Object.keys(others).find((start) => value.startsWith(start));
    context.addIssue(other ? `holds ${others[other]}` : `does not start with ${prefix}`);
  });
const url = text.refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), {
  error: 'is not an http:// or https:// address',
});
const number = (min: number, max: number, whole = true) =>
  text.transform((value, context) => {
    const parsed = value === '' ? Number.NaN : Number(value);
    if (parsed >= min && parsed <= max && (!whole || Number.isInteger(parsed))) return parsed;
    context.addIssue(`is not a ${whole ? 'whole ' : ''}number from ${min} to ${max}`);
    return z.NEVER;
  });
const flag = z
  .enum(['true', 'false'], { error: 'is neither true nor false' })
  .transform((value) => value === 'true');
const fields = text
  .transform((value, context): Readonly<Record<string, unknown>> => {
    try {
      const parsed: unknown = JSON.parse(value);
      if (parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed)) return { ...parsed };
    } catch {}
    context.addIssue('is not a JSON object');
    return z.NEVER;
  })
  .pipe(extraFields);
const listed = (value: string): string[] => value.split(/[\s,]+/).filter(Boolean);
const ids = (pattern: RegExp) =>
  text
    .transform(listed)
    .refine((list) => list.every((id) => pattern.test(id)), { error: 'holds something that is not an id' });
/** Several keys of 32 bytes, the newest first. */
const keys = text
  .transform((value) => value.split(/[\s,]+/).map((key) => Buffer.from(key, 'base64')))
  .refine((list) => list.every(({ length }) => length === 32), {
    error: 'is not 32 bytes in base64 (or several of these with commas between them)',
  });
const snowflake = /^\d{17,20}$/;

const schema = z.object({
  SLACK_BOT_TOKEN: secret('xoxb-', {
    'xapp-': 'an app-level token; it belongs in SLACK_APP_TOKEN',
    'xoxp-': 'a user token; the bot needs the bot token',
  }).optional(),
  SLACK_APP_TOKEN: secret('xapp-', { 'xoxb-': 'a bot token; it belongs in SLACK_BOT_TOKEN' }).optional(),
  SLACK_SIGNING_SECRET: text.optional(),
  SLACK_CLIENT_ID: text.optional(),
  SLACK_CLIENT_SECRET: text.optional(),
  SLACK_STATE_SECRET: text.optional(),
  TOKEN_ENCRYPTION_KEY: keys.optional(),
  SLACK_API_URL: url.optional(),
  SLACK_ADMIN_IDS: ids(/^(?:(?:E[A-Z0-9]+\/)?T[A-Z0-9]+\/)?[UW][A-Z0-9]+$/).default([]),
  DISCORD_TOKEN: text
    .refine((value) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value), {
      error: 'is not a bot token (three parts with dots between them)',
    })
    .optional(),
  DISCORD_API_URL: url.optional(),
  DISCORD_ADMIN_IDS: ids(snowflake).default([]),
  DISCORD_GUILD_ID: text.regex(snowflake, { error: 'is not a server id (17 to 20 digits)' }).optional(),
  DISCORD_SHARDS: z
    .union([z.literal('auto'), number(1, 10_000)], {
      error: 'is neither auto nor a whole number from 1 to 10000',
    })
    .default('auto'),
  MODEL_BASE_URL: url
    .transform((value) => value.replace(/\/+$/, ''))
    .refine((value) => value.endsWith('/v1'), { error: 'does not end in /v1' }),
  MODEL_NAME: text.default('pilotlight'),
  MODEL_API_KEY: text.optional(),
  MODEL_SYSTEM_PROMPT: text.default(
    'You are a helpful assistant in a team chat. Answer in Markdown, briefly unless asked for more.',
  ),
  MODEL_MAX_TOKENS: number(1, 1_000_000).default(4096),
  MODEL_MAX_STREAMS: number(1, 10_000).default(16),
  MODEL_WAKE_MINUTES: number(0.1, 120, false).default(15),
  MODEL_MAX_CONTEXT: number(MIN_WINDOW, 10_000_000).optional(),
  MODEL_EXTRA: fields.optional(),
  MODEL_IMAGES: flag.default(false),
  MODEL_SHOW_REASONING: flag.default(false),
  MODELS_FILE: text.optional(),
  MODAL_PROXY_KEY: secret('wk-', { 'ak-': 'an API token; it belongs in MODAL_TOKEN_ID' }).optional(),
  MODAL_PROXY_SECRET: secret('ws-', { 'as-': 'an API token; it belongs in MODAL_TOKEN_SECRET' }).optional(),
  MODAL_TOKEN_ID: secret('ak-', { 'wk-': 'a proxy token; it belongs in MODAL_PROXY_KEY' }).optional(),
  MODAL_TOKEN_SECRET: secret('as-', { 'ws-': 'a proxy token; it belongs in MODAL_PROXY_SECRET' }).optional(),
  MODAL_ENVIRONMENT: text.optional(),
  MODAL_APP: text.optional(),
  MODAL_SERVER: text.optional(),
  MODAL_SERVER_URL: url.optional(),
  MODAL_GPU: text.optional(),
  GPU_PRICES: text.default(''),
  GPU_BUDGET_USD: number(0.01, 10_000_000, false).optional(),
  LIMIT_QUESTIONS_PER_MINUTE: number(1, 10_000).optional(),
  LIMIT_PERSON_USD_PER_DAY: number(0.01, 10_000_000, false).optional(),
  LIMIT_WORKSPACE_USD_PER_DAY: number(0.01, 10_000_000, false).optional(),
  LIMIT_WAITING: number(1, 1_000_000).default(1_000),
  LIMIT_WAITING_PER_CONVERSATION: number(1, 10_000).default(20),
  WARM_DEFAULT_HOURS: number(0.1, 168, false).default(2),
  WARM_MAX_HOURS: number(0.1, 168, false).default(24),
  WARM_MAX_CONTAINERS: number(1, 100).default(4),
  PREWARM_ON_INTENT: flag.default(false),
  PREWARM_DAILY_CAP: number(1, 10_000).default(20),
  DATABASE_URL: text
    .default('sqlite:pilotlight.db')
    .refine((value) => /^sqlite:.|^postgres(ql)?:/.test(value), {
      error: 'is neither sqlite:PATH nor postgres://…',
      abort: true,
    })
    .refine((value) => value.startsWith('sqlite:') || URL.canParse(value), {
      error: 'is not an address that can be read',
    }),
  KEEP_DAYS: number(1, 36_500).optional(), // not less: a question that is brought again must still be known
  ANNOUNCE_AFTER_SECONDS: number(0, 86_400, false).default(60),
  SHUTDOWN_SECONDS: number(0, 3_600, false).default(20),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { error: 'is not a log level' })
    .default('info'),
  PORT: number(0, 65_535).default(8080),
});

/** Variables that only make sense together. */
const PAIRS = [
  ['MODAL_PROXY_KEY', 'MODAL_PROXY_SECRET'],
  ['MODAL_TOKEN_ID', 'MODAL_TOKEN_SECRET'],
] as const;

export type Config = Readonly<z.infer<typeof schema>>;

/** The names of all variables. */
export const variables: readonly string[] = Object.keys(schema.shape);

/**
 * Reads the environment. An empty variable counts as unset.
 * @throws OperatorError naming every fault at once: the variable, what is wrong, where to get the right
 * value; and what is named almost like a setting, since that may be the missing one. Values are never repeated,
 * for some are secrets.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const faults: { name: string; wrong: string }[] = [];
  const parsed = schema.safeParse(given);
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0]);
    faults.push({ name, wrong: name in given ? issue.message : 'is missing' });
  }
  for (const [first, second] of PAIRS) {
    if (first in given && !(second in given))
      faults.push({ name: second, wrong: `is missing beside ${first}` });
    if (second in given && !(first in given))
      faults.push({ name: first, wrong: `is missing beside ${second}` });
  }
  faults.push(...slackFaults(given), ...moneyFaults(given), ...countFaults(given));
  if (parsed.success && parsed.data.WARM_DEFAULT_HOURS > parsed.data.WARM_MAX_HOURS)
    faults.push({ name: 'WARM_DEFAULT_HOURS', wrong: 'is more than WARM_MAX_HOURS' });
  const platforms = [
    'SLACK_BOT_TOKEN',
    'SLACK_APP_TOKEN',
    'SLACK_SIGNING_SECRET',
    'SLACK_CLIENT_ID',
    'DISCORD_TOKEN',
  ];
  if (!platforms.some((name) => name in given)) {
    faults.push(
      {
        name: 'SLACK_BOT_TOKEN',
        wrong: 'and SLACK_APP_TOKEN are missing, and so is DISCORD_TOKEN: set one platform at least',
      },
      { name: 'DISCORD_TOKEN', wrong: 'is missing (see the line before)' },
    );
  }
  if (parsed.success && faults.length === 0) return parsed.data;
  const typos = misspelt(given, variables).map((name) => ({ name, wrong: 'is the name of no setting' }));
  const lines = [...faults, ...typos].map(
    ({ name, wrong }) => `  ${name} ${wrong}.\n      → ${WHERE[name] ?? 'see .env.example'}`,
  );
  throw new OperatorError(
    `Pilotlight cannot start. Its settings, in .env (copy .env.example) or the environment, need a look:\n${lines.join('\n')}`,
  );
}

/** What many workspaces need, beside SLACK_SIGNING_SECRET, that one does not. */
const INSTALL = [
  'SLACK_CLIENT_ID',
  'SLACK_CLIENT_SECRET',
  'SLACK_STATE_SECRET',
  'TOKEN_ENCRYPTION_KEY',
] as const;

/**
 * One workspace, with its token: through Socket Mode with an app token, or by HTTP with a signing secret. Or
 * many that install the bot, by HTTP.
 */
function slackFaults(given: Readonly<Record<string, string | undefined>>): { name: string; wrong: string }[] {
  const isMissingBeside = (name: string, other: string) =>
    given[other] && !given[name] ? [{ name, wrong: `is missing beside ${other}` }] : [];
  const admins = listed(given.SLACK_ADMIN_IDS ?? '');
  const adminFaults = (isRight: (id: string) => boolean, wrong: string) =>
    admins.every(isRight) ? [] : [{ name: 'SLACK_ADMIN_IDS', wrong }];
  const install = INSTALL.find((name) => given[name]);
  if (install) {
    const extra = (['SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN'] as const).filter((name) => given[name]);
    // What else is missing depends on which of the two is meant.
    if (extra.length > 0)
      return extra.map((name) => ({
        name,
        wrong: `is set beside ${install}: it is one workspace with its tokens, or many that install the bot. Empty one of the two`,
      }));
    return [
      ...[...INSTALL, 'SLACK_SIGNING_SECRET'].flatMap((name) => isMissingBeside(name, install)),
      ...adminFaults(
        (id) => id.includes('/'),
        'does not say in which workspace: with many of them write TEAM/MEMBER, like T0123/U0123',
      ),
    ];
  }
  return [
    ...isMissingBeside('SLACK_BOT_TOKEN', 'SLACK_APP_TOKEN'),
    ...isMissingBeside('SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET'),
    ...(given.SLACK_SIGNING_SECRET ? [] : isMissingBeside('SLACK_APP_TOKEN', 'SLACK_BOT_TOKEN')),
    ...adminFaults(
      (id) => !id.includes('/'),
      'names a workspace, and there is one only: write MEMBER alone, like U0123',
    ),
  ];
}

/** In dollars, so of no use without a price. */
const BUDGETS = ['GPU_BUDGET_USD', 'LIMIT_PERSON_USD_PER_DAY', 'LIMIT_WORKSPACE_USD_PER_DAY'] as const;

/** A budget without a price would never be used up. */
function moneyFaults(given: Readonly<Record<string, string | undefined>>): { name: string; wrong: string }[] {
  const { MODAL_GPU, GPU_PRICES = '' } = given;
  const wrongIn = (name: string, check: () => unknown) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof InputError) return [{ name, wrong: error.message }];
      throw error;
    }
  };
  const prices = wrongIn('GPU_PRICES', () => parsePrices(GPU_PRICES));
  if (prices.length > 0) return prices;
  if (MODAL_GPU) return wrongIn('MODAL_GPU', () => priceOf(MODAL_GPU, GPU_PRICES));
  const budget = BUDGETS.find((name) => given[name]);
  return budget ? [{ name: 'MODAL_GPU', wrong: `is missing beside ${budget}` }] : [];
}

/** Nor would one of which nobody can ask Modal what runs; a file of models may name the servers. */
function countFaults(given: Readonly<Record<string, string | undefined>>): { name: string; wrong: string }[] {
  if (!given.GPU_BUDGET_USD) return [];
  const servers = given.MODELS_FILE ? [] : ['MODAL_APP', 'MODAL_SERVER'];
  return ['MODAL_TOKEN_ID', 'MODAL_TOKEN_SECRET', ...servers]
    .filter((name) => !given[name])
    .map((name) => ({ name, wrong: 'is missing beside GPU_BUDGET_USD: nobody could count what runs' }));
}
