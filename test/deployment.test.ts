/** The files that put Pilotlight into containers, held to the rest of the repository: no Docker engine runs here. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { builtinModules } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config.ts';
import { parseDuration } from '../src/modal/duration.ts';

const root = new URL('..', import.meta.url).pathname;
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ');
const instructions = (name: string) =>
  dockerfile
    .split('\n')
    .flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []));
const packageJson = JSON.parse(read('package.json'));
const example = parseEnv(read('.env.example')) as Record<string, string>;
const compose = parse(read('compose.yaml'));

/** What is copied from the repository. */
const copied = instructions('COPY')
  .filter((copy) => !copy.startsWith('--from'))
  .flatMap((copy) => copy.split(/\s+/).slice(0, -1));

describe('the image', () => {
  it('is made of files that are there, and that .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap((line) => line.match(/^!(.*)$/)?.[1] ?? []);
    for (const path of copied) expect(existsSync(join(root, path)), path).toBe(true);
    expect(new Set(allowed)).toEqual(new Set(copied));
    expect(
      read('.dockerignore')
        .split('\n')
        .find((line) => line && !line.startsWith('#')),
    ).toBe('*');
  });

  it('holds every file that the bot imports, and of packages only what it has at runtime', () => {
    const { files, packages } = importsOf('src/main.ts');
    expect(files.size).toBeGreaterThan(50);
    for (const file of files)
      expect(
        copied.some((path) => file.startsWith(`${path}/`)),
        file,
      ).toBe(true);
    for (const name of packages) expect(packageJson.dependencies, name).toHaveProperty(name);
  });

  it('starts as npm start does, as nobody special, on the Node that we test with', () => {
    const command = JSON.parse(instructions('CMD').at(-1)!).join(' ');
    expect(packageJson.scripts.start.replace(/^(?:\S+=\S+ )+exec /, '').replace(/--env-file\S+ /, '')).toBe(
      command,
    );
    expect(instructions('USER')).toEqual(['node']);
    const [major] = packageJson.devDependencies.node.split('.');
    expect(instructions('FROM').map((from) => from.split(/\s/)[0])).toEqual([
      `node:${major}-bookworm-slim`,
      `node:${major}-bookworm-slim`,
    ]);
  });

  it('has settings that the bot can read', () => {
    const env = parseEnv(instructions('ENV').join(' ').split(/\s+/).join('\n'));
    const model = { MODEL_BASE_URL: 'https://model.example/v1' };
    const config = readConfig({ ...example, ...model, DISCORD_TOKEN: 'a.b.c', ...env } as Record<
      string,
      string
    >);
    expect(config).toMatchObject({ DATABASE_URL: 'sqlite:/data/pilotlight.db', PORT: 8080 });
    expect(instructions('VOLUME')).toEqual(['/data']);
    expect(instructions('EXPOSE')).toEqual([env.PORT]);
  });

  it('is healthy while /healthz answers, and else not', async () => {
    const [node, ...args] = JSON.parse(dockerfile.match(/HEALTHCHECK[^[]*CMD (\[.*\])/)![1]!);
    expect(node).toBe('node');
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/healthz' ? 200 : 404).end();
    });
    await once(server.listen(0), 'listening');
    const { port } = server.address() as AddressInfo;
    const check = () =>
      promisify(execFile)(process.execPath, args, { env: { PORT: String(port) } }).then(
        () => 'healthy',
        () => 'unhealthy',
      );
    expect(await check()).toBe('healthy');
    server.close();
    server.closeAllConnections();
    expect(await check()).toBe('unhealthy');
  });
});

describe('compose.yaml', () => {
  const { pilotlight, postgres } = compose.services;

  it('gives the bot settings that it knows, and the database of the other container', () => {
    for (const name of Object.keys(pilotlight.environment)) expect(example).toHaveProperty(name);
    const url = pilotlight.environment.DATABASE_URL.replace(/\$\{POSTGRES_PASSWORD[^}]*\}/, 'secret');
    const { username, hostname, pathname } = new URL(url);
    expect(Object.keys(compose.services)).toContain(hostname);
    expect({ username, name: pathname.slice(1) }).toEqual({
      username: postgres.environment.POSTGRES_USER,
      name: postgres.environment.POSTGRES_DB,
    });
  });

  it('starts several bots once the database answers', () => {
    expect(pilotlight.deploy.replicas).toBeGreaterThan(1);
    expect(pilotlight.depends_on.postgres.condition).toBe('service_healthy');
    expect(postgres.healthcheck.test.slice(0, 2)).toEqual(['CMD', 'pg_isready']);
    expect(postgres.volumes[0].split(':')[0] in compose.volumes).toBe(true);
  });

  it('lets running answers finish before it kills a bot', () => {
    const lastWordsMs = 5_000;
    const grace = parseDuration(pilotlight.stop_grace_period);
    expect(grace).toBeGreaterThan(Number(example.SHUTDOWN_SECONDS) * 1_000 + lastWordsMs);
  });
});

/** Every file that this one imports, directly or not, and the packages that they import. */
function importsOf(start: string) {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string) => {
    if (files.has(file)) return;
    files.add(file);
    const code = read(file).replace(/^import type [^;]*;/gm, '');
    for (const [, name = ''] of code.matchAll(/(?:\bfrom|\bimport\(?)\s*'([^']+)'/g)) {
      if (name.startsWith('.')) visit(relative(root, join(root, dirname(file), name)));
      else if (!name.startsWith('node:') && !builtinModules.includes(name)) {
        packages.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
      }
    }
  };
  visit(start);
  return { files, packages };
}
