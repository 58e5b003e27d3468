/** What the pages say, held to the rest of the repository. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readConfig, variables } from '../src/config.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('.env.example', () => {
  const example = parseEnv(read('.env.example')) as Record<string, string>;

  it('has every variable that the bot reads, and no other', () => {
    expect(Object.keys(example).toSorted()).toEqual(variables.toSorted());
  });

  it('changes nothing when it is copied as it is, but for the names of the app on Modal', () => {
    const needed = { DISCORD_TOKEN: 'a.b.c', MODEL_BASE_URL: 'https://model.example/v1' };
    const { MODAL_APP, MODAL_SERVER, ...rest } = readConfig({ ...example, ...needed });
    expect({ MODAL_APP, MODAL_SERVER }).toEqual({ MODAL_APP: 'pilotlight-vllm', MODAL_SERVER: 'VllmServer' });
    expect(rest).toEqual(readConfig(needed));
  });
});

describe('the README', () => {
  it('names every package', () => {
    const table = read('README.md')
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .flatMap((line) => line.split('|')[1]!.split(/[\s,]+/));
    const { dependencies, devDependencies } = JSON.parse(read('package.json'));
    for (const name of Object.keys({ ...dependencies, ...devDependencies }))
      expect(table).toContain(name.replace(/^@types\/.*/, '@types/…'));
  });
});

const pages = globSync(['*.md', 'docs/*.md', 'bench/*.md', 'modal_service/*.md'], { cwd: root });

describe.each(pages)('%s', (page) => {
  it('links to files that are there', () => {
    for (const [, target = ''] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g))
      expect(existsSync(join(root, dirname(page), target)), target).toBe(true);
  });
});
