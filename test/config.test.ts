import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { OperatorError } from '../src/errors.ts';

const slack = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' };
const model = { MODEL_BASE_URL: 'https://model.example/v1' };

function faultsOf(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError);
    return (error as Error).message;
  }
  throw new Error('the settings were accepted');
}

describe('the settings', () => {
  it('need one platform and the model, and default the rest', () => {
    const config = readConfig({ ...slack, ...model });
    expect(config).toMatchObject({
      MODEL_NAME: 'pilotlight',
      PORT: 8080,
      LOG_LEVEL: 'info',
      DATABASE_URL: 'sqlite:pilotlight.db',
    });
    expect(config.DISCORD_TOKEN).toBeUndefined();
  });

  it('take Slack over HTTP with a signing secret in place of the app token', () => {
    const http = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_SIGNING_SECRET: 'secret' };
    expect(readConfig({ ...http, ...model }).SLACK_APP_TOKEN).toBeUndefined();
    const alone = faultsOf({ SLACK_SIGNING_SECRET: 'secret', ...model });
    expect(alone).toMatch(/SLACK_BOT_TOKEN is missing beside SLACK_SIGNING_SECRET/);
    expect(alone).not.toContain('DISCORD_TOKEN');
  });

  it('take many Slack workspaces that install the bot, and say all that it needs', () => {
    const key = Buffer.alloc(32, 7).toString('base64');
    const many = {
      SLACK_CLIENT_ID: '1.2',
      SLACK_CLIENT_SECRET: 'c',
      SLACK_STATE_SECRET: 's',
      SLACK_SIGNING_SECRET: 'g',
      TOKEN_ENCRYPTION_KEY: `${key}, ${key}`,
      ...model,
    };
    expect(readConfig(many).TOKEN_ENCRYPTION_KEY).toHaveLength(2);
    expect(readConfig({ ...many, SLACK_ADMIN_IDS: 'T01/U01' }).SLACK_ADMIN_IDS).toEqual(['T01/U01']);
    const alone = faultsOf({ SLACK_CLIENT_ID: '1.2', ...model });
    for (const name of Object.keys(many).slice(1, 5)) expect(alone).toContain(`${name} is missing beside`);
    expect(alone).toContain('openssl rand -base64 32');
    expect(faultsOf({ ...many, TOKEN_ENCRYPTION_KEY: 'c2hvcnQ=' })).toContain('is not 32 bytes in base64');
    expect(faultsOf({ ...many, SLACK_ADMIN_IDS: 'U01' })).toContain('write TEAM/MEMBER');
  });

  it('refuse one Slack workspace and many at once', () => {
    const message = faultsOf({ ...slack, ...model, SLACK_CLIENT_ID: '1.2' });
    expect(message).toMatch(/SLACK_BOT_TOKEN is set beside SLACK_CLIENT_ID: it is one workspace .* or many/);
    expect(message).toMatch(/SLACK_APP_TOKEN is set beside SLACK_CLIENT_ID/);
    expect(message).not.toMatch(/is missing/); // what is depends on which of the two is meant
  });

  it('take Discord alone', () => {
    expect(readConfig({ DISCORD_TOKEN: 'aaa.bbb.ccc', ...model }).SLACK_BOT_TOKEN).toBeUndefined();
  });

  it('take a number of Discord’s connections, or leave it to Discord', () => {
    expect(readConfig({ ...slack, ...model }).DISCORD_SHARDS).toBe('auto');
    expect(readConfig({ ...slack, ...model, DISCORD_SHARDS: 'auto' }).DISCORD_SHARDS).toBe('auto');
    expect(readConfig({ ...slack, ...model, DISCORD_SHARDS: '4' }).DISCORD_SHARDS).toBe(4);
    for (const wrong of ['0', 'many', '1.5'])
      expect(faultsOf({ ...slack, ...model, DISCORD_SHARDS: wrong })).toMatch(
        /DISCORD_SHARDS is neither auto nor a whole number/,
      );
  });

  it('say where they are looked for, and what is wrong with a database once', () => {
    const message = faultsOf({ ...slack, ...model, DATABASE_URL: 'pilotlight.db' });
    expect(message).toMatch(/in \.env .* or the environment/);
    expect(message.match(/DATABASE_URL/g)).toHaveLength(1);
  });

  it('count an empty variable as unset', () => {
    expect(readConfig({ ...slack, ...model, DISCORD_TOKEN: '', PORT: ' ' }).PORT).toBe(8080);
  });

  it('report every fault at once, each with its variable and where to get the value', () => {
    const message = faultsOf({
      SLACK_BOT_TOKEN: 'xoxb-1',
      PORT: 'http',
      MODEL_BASE_URL: 'https://model.example',
    });
    expect(message).toMatch(/SLACK_APP_TOKEN is missing beside SLACK_BOT_TOKEN\.\n.*App-Level Tokens/);
    expect(message).toMatch(/PORT is not a whole number from 0 to 65535/);
    expect(message).toMatch(/MODEL_BASE_URL does not end in \/v1\.\n.*modal deploy/);
  });

  it('name what may be meant for a missing one', () => {
    const said = faultsOf({ ...slack, MODEL_BASEURL: 'https://model.example/v1' });
    expect(said).toMatch(/MODEL_BASE_URL is missing.*MODEL_BASEURL is the name of no setting/s);
  });

  it('say what to set when no platform is set', () => {
    const message = faultsOf(model);
    expect(message).toContain('SLACK_BOT_TOKEN');
    expect(message).toContain('DISCORD_TOKEN');
  });

  it('recognise a token in the wrong place', () => {
    expect(faultsOf({ SLACK_BOT_TOKEN: 'xapp-1', SLACK_APP_TOKEN: 'xoxb-1', ...model })).toMatch(
      /SLACK_BOT_TOKEN holds an app-level token[\s\S]*SLACK_APP_TOKEN holds a bot token/,
    );
    expect(faultsOf({ ...slack, ...model, MODAL_PROXY_KEY: 'ak-1', MODAL_PROXY_SECRET: 'ws-1' })).toContain(
      'MODAL_PROXY_KEY holds an API token; it belongs in MODAL_TOKEN_ID',
    );
  });

  it('take more fields for a request as a JSON object, and nothing else', () => {
    const MODEL_EXTRA = '{"temperature":0.2}';
    expect(readConfig({ ...slack, ...model, MODEL_EXTRA }).MODEL_EXTRA).toEqual({ temperature: 0.2 });
    for (const wrong of ['temperature=0.2', '0.2', 'null', '[]'])
      expect(faultsOf({ ...slack, ...model, MODEL_EXTRA: wrong })).toContain(
        'MODEL_EXTRA is not a JSON object',
      );
    const ours = '{"stream":false,"messages":[],"top_p":1}';
    expect(faultsOf({ ...slack, ...model, MODEL_EXTRA: ours })).toContain(
      'MODEL_EXTRA holds messages, stream, which the bot sets itself',
    );
  });

  it('switch with true and false, and with nothing else', () => {
    expect(readConfig({ ...slack, ...model }).MODEL_SHOW_REASONING).toBe(false);
    expect(readConfig({ ...slack, ...model, MODEL_SHOW_REASONING: 'true' }).MODEL_SHOW_REASONING).toBe(true);
    expect(faultsOf({ ...slack, ...model, MODEL_SHOW_REASONING: 'yes' })).toContain(
      'MODEL_SHOW_REASONING is neither true nor false',
    );
  });

  it('never repeat a value, for it may be a secret', () => {
    expect(
      faultsOf({ SLACK_BOT_TOKEN: 'xoxp-very-secret', SLACK_APP_TOKEN: 'wrong-secret', ...model }),
    ).not.toMatch(/very-secret|wrong-secret/);
  });

  it('take a SQLite file or a Postgres address as the database, and never repeat its password', () => {
    for (const DATABASE_URL of [
      'sqlite:/var/lib/a.db',
      'postgres://u:p@db/x',
      'postgresql://u:p@db:5433/x',
    ]) {
      expect(readConfig({ ...slack, ...model, DATABASE_URL }).DATABASE_URL).toBe(DATABASE_URL);
    }
    for (const DATABASE_URL of [
      'sqlite:',
      'pilotlight.db',
      'mysql://u:hunter2@db/x',
      'postgres://u:hun#ter2@db/x',
    ]) {
      const message = faultsOf({ ...slack, ...model, DATABASE_URL });
      expect(message).toMatch(/DATABASE_URL is .*\n.*postgres:\/\/USER/);
      expect(message).not.toMatch(/hun#?ter2/);
    }
  });

  it('keep what was asked for ever, or so many whole days', () => {
    expect(readConfig({ ...slack, ...model }).KEEP_DAYS).toBeUndefined();
    expect(readConfig({ ...slack, ...model, KEEP_DAYS: '90' }).KEEP_DAYS).toBe(90);
    for (const wrong of ['0', '-1', '0.5', '90d'])
      expect(faultsOf({ ...slack, ...model, KEEP_DAYS: wrong })).toMatch(
        /KEEP_DAYS is not a whole number from 1 to 36500\.\n.*days/,
      );
  });

  it('refuse a context in thousands of tokens: no question would fit into 32', () => {
    expect(faultsOf({ ...slack, ...model, MODEL_MAX_CONTEXT: '32' })).toMatch(
      /MODEL_MAX_CONTEXT is not a whole number from 512 .*\n.*a whole number of tokens/,
    );
  });

  it.each(['LIMIT_PERSON_USD_PER_DAY', 'LIMIT_WORKSPACE_USD_PER_DAY'])('want a price beside %s', (name) => {
    expect(faultsOf({ ...slack, ...model, [name]: '5' })).toContain(`MODAL_GPU is missing beside ${name}`);
    expect(readConfig({ ...slack, ...model, [name]: '5', MODAL_GPU: 'H100' })).toMatchObject({ [name]: 5 });
  });

  it('take admins as lists of ids', () => {
    const config = readConfig({
      ...slack,
      ...model,
      SLACK_ADMIN_IDS: 'U01, U02',
      DISCORD_ADMIN_IDS: '123456789012345678',
    });
    expect(config.SLACK_ADMIN_IDS).toEqual(['U01', 'U02']);
    expect(faultsOf({ ...slack, ...model, SLACK_ADMIN_IDS: 'U01, T01/U02' })).toContain('write MEMBER alone');
    expect(faultsOf({ ...slack, ...model, SLACK_ADMIN_IDS: '@someone' })).toContain(
      'SLACK_ADMIN_IDS holds something',
    );
  });
});
