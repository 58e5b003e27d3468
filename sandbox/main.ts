import { OperatorError } from '../src/errors.ts';
import { createLog } from '../src/log.ts';
import { readCommandLine, refuse } from './command-line.ts';
import { playOnce } from './once.ts';
import { servePage } from './page/server.ts';
import { startSandbox } from './sandbox.ts';

const HELP = `npm run sandbox -- [options]
  --once         play one question on each platform here in the terminal, then end
  --port N       the page's port (default 4780)
  --cold N       seconds the model takes to wake (default 12; 4 with --once)
  --sleep N      idle seconds after which it sleeps again (default 60)
  --speed N      tokens a second (default 40)
With MODEL_BASE_URL set, that model answers instead of the scripted one; the other MODEL_… and MODAL_PROXY_…
settings count, too.`;

const { values } = readCommandLine(
  {
    options: {
      once: { type: 'boolean', default: false },
      port: { type: 'string', default: '4780' },
      cold: { type: 'string' },
      sleep: { type: 'string', default: '60' },
      speed: { type: 'string', default: '40' },
      help: { type: 'boolean', short: 'h' },
    },
  },
  HELP,
);

/** A number above 0, or a word to the person and the end. */
function figure(name: string, text: string): number {
  const value = Number(text);
  return value > 0 ? value : refuse(`--${name} takes a number above 0, not "${text}"`, HELP);
}

const port = Number(values.port);
if (!(Number.isInteger(port) && port >= 1 && port <= 65_535))
  refuse(`--port takes a whole number from 1 to 65535, not "${values.port}"`, HELP);

const model = {
  coldStartMs: figure('cold', values.cold ?? (values.once ? '4' : '12')) * 1000,
  scaledownWindowMs: figure('sleep', values.sleep) * 1000,
  tokensPerSecond: figure('speed', values.speed),
};
const env = process.env.MODEL_BASE_URL
  ? Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(MODEL|MODAL_PROXY)_/.test(name)))
  : {};

try {
  const sandbox = await startSandbox({ log: createLog(process.env.LOG_LEVEL ?? 'warn'), model, env });
  if (values.once) {
    await playOnce(sandbox, console.log);
    await sandbox.close();
    process.exit(0);
  }
  const page = await servePage(sandbox, port);
  console.log(`Pilotlight sandbox: ${page.url}`);
  console.log(
    'Type "@pilotlight show me a table" in Slack, "/ask write some code" in Discord. Ctrl-C ends it.',
  );
  process.once('SIGINT', async () => {
    await page.close();
    await sandbox.close();
    process.exit(0);
  });
} catch (error) {
  const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  if (inUse) console.error(`Port ${values.port} is in use: choose another with --port N.`);
  else if (error instanceof OperatorError) console.error(error.message);
  else console.error(error);
  process.exit(1);
}
