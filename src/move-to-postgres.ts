/** `npm run move-to-postgres -- FILE`: moves a SQLite file into the empty Postgres that DATABASE_URL names. */
import { OperatorError } from './errors.ts';
import { moveToPostgres } from './store/move.ts';

const USAGE = `Say which SQLite file to move, and set DATABASE_URL to the Postgres to move it to:
  DATABASE_URL=postgres://USER:PASSWORD@HOST:5432/DATABASE npm run move-to-postgres -- pilotlight.db`;

try {
  const [path, ...more] = process.argv.slice(2);
  const url = process.env.DATABASE_URL?.trim() ?? '';
  if (!path || path.startsWith('-') || more.length > 0 || !/^postgres(ql)?:/.test(url) || !URL.canParse(url))
    throw new OperatorError(USAGE);
  const moved = await moveToPostgres(path.replace(/^sqlite:/, ''), url);
  console.log(`Moved ${path} to Postgres:`);
  for (const [table, rows] of moved) console.log(`  ${table.padEnd(16)} ${String(rows).padStart(8)}`);
  console.log(
    'Start Pilotlight with this DATABASE_URL; it goes on where it was. Keep the file as a backup, and do',
  );
  console.log('not start on it again: questions that had not ended would be answered twice.');
} catch (error) {
  if (!(error instanceof OperatorError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
