import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { SleepingModel } from '../sandbox/model/sleeping-model.ts';
import { systemClock } from '../src/clock.ts';
import { readConfig } from '../src/config.ts';
import { createModel } from '../src/model/client.ts';
import type { ModelEvent } from '../src/model/model.ts';

/** What modal_service deploys when nothing is set; its own tests hold it to this file too. */
const service = JSON.parse(readFileSync('modal_service/defaults.json', 'utf8'));
const text = readFileSync('.env.example', 'utf8');
const example = parseEnv(text) as Record<string, string>;
const slack = { SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' };

describe('the bot and modal_service agree', () => {
  it('on the served model name', () => {
    const config = readConfig({ ...slack, MODEL_BASE_URL: 'https://model.example/v1' });
    expect(config.MODEL_NAME).toBe(service.servedModelName);
    expect(example.MODEL_NAME).toBe(service.servedModelName);
  });

  it('on the app and the server to scale, for vLLM and for llama.cpp', () => {
    expect(example).toMatchObject({
      MODAL_APP: service.servers.vllm.app,
      MODAL_SERVER: service.servers.vllm.server,
    });
    expect(text).toContain(`${service.servers.llama.app} and ${service.servers.llama.server}`);
  });

  it('on how long a start may take and how many answers one container gives at once', () => {
    const { MODEL_WAKE_MINUTES, MODEL_MAX_STREAMS } = readConfig({
      ...example,
      ...slack,
      MODEL_BASE_URL: 'https://model.example/v1',
    });
    expect(MODEL_WAKE_MINUTES * 60).toBeGreaterThanOrEqual(service.startupTimeoutSeconds);
    expect(MODEL_MAX_STREAMS).toBeLessThanOrEqual(service.servers.vllm.targetConcurrency);
  });

  it('on the headers that open the proxy', async () => {
    const endpoint = await SleepingModel.start({
      awake: true,
      tokensPerSecond: Number.POSITIVE_INFINITY,
      proxyKey: 'wk-1',
      proxySecret: 'ws-1',
    });
    const model = createModel({
      baseUrl: endpoint.baseUrl,
      name: service.servedModelName,
      proxyKey: 'wk-1',
      proxySecret: 'ws-1',
      clock: systemClock,
      log: pino({ level: 'silent' }),
    });
    const request = {
      messages: [{ role: 'user', content: 'Hello' }],
      signal: new AbortController().signal,
    } as const;
    const events: ModelEvent[] = [];
    await model.chat(request, (event) => events.push(event));
    expect(events.at(-1)?.type).toBe('done');
    for (const header of service.proxyHeaders) {
      expect(endpoint.requests.at(-1)?.headers).toHaveProperty(header.toLowerCase());
    }
    await model.close();
    await endpoint.close();
  });
});
