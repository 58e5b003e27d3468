import { spawn } from 'node:child_process';
import { once } from 'node:events';

const OPEN = new URL('../../src/store/open.ts', import.meta.url).href;
const LOG = new URL('../../src/log.ts', import.meta.url).href;

const SCRIPT = `
  import { openStore } from '${OPEN}';
  import { createLog } from '${LOG}';
  await openStore(process.argv[1], createLog('silent')).then(
    () => console.log('open'),
    (error) => console.log(error.message),
  );
  process.stdin.on("end", () => process.exit()).resume();
`;

export interface StoreProcess {
  /** "open", or why the store could not be opened. */
  readonly says: string;
  /** At once, as kill -9 does. */
  kill(): Promise<void>;
}

/** A process of its own that opens the store at this DATABASE_URL and holds it open. It ends with the test's. */
export async function startStoreProcess(url: string): Promise<StoreProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT, url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [says] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    says: says.toString().trim(),
    async kill() {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
