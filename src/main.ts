import { startApp } from './app.ts';
import { readConfig, variables } from './config.ts';
import { OperatorError } from './errors.ts';
import { createLog } from './log.ts';
import { misspelt } from './misspelt.ts';

/** systemd signals npm and us, and npm passes its signal on: what comes within this time is one request; ms. */
const ONE_REQUEST = 2_000;

/** Within it the last lines of the log are written, or have failed: at the exit pino tries for ever to write them; ms. */
const LOGGED_WITHIN = 100;

const exit = (code: number) => void setTimeout(() => process.exit(code), LOGGED_WITHIN);

try {
  const config = readConfig(process.env);
  const log = createLog(config.LOG_LEVEL);
  const ignored = misspelt(process.env, variables);
  if (ignored.length > 0) log.warn({ ignored }, 'these variables are no settings: a typing error?');
  const app = await startApp(config, log);

  let askedAt: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (askedAt !== undefined) {
        if (performance.now() - askedAt >= ONE_REQUEST) process.exit(1); // asked twice: now
        return;
      }
      askedAt = performance.now();
      log.info({ signal }, 'stopping: running answers may finish');
      app.stop().then(
        () => {
          log.info('stopped');
          exit(0);
        },
        (error) => {
          log.error({ err: error }, 'did not stop cleanly');
          exit(1);
        },
      );
    });
  }

  await app.tried;
  if (askedAt === undefined)
    log.info({ port: app.port, ms: Math.round(performance.now()), node: process.version }, 'ready');
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  console.error(error.message);
  exit(1); // whatever was opened before
}
