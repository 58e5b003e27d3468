import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** They start processes, databases and browsers, and play whole conversations. */
const LONG = 'test/{chaos,cluster,e2e}/**/*.test.ts';

export default defineConfig({
  test: {
    // Vitest's own choice is a core fewer than there are: of two, one. More would starve the processes that tests start.
    maxWorkers: Math.min(availableParallelism(), 16),
    // End-to-end tests start real servers on loopback; on two cores a slow neighbour must not fail them.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Both share the workers. Vitest begins with the first by name, so that no long file is left for the end.
    projects: [
      { extends: true, test: { name: 'long', include: [LONG] } },
      { extends: true, test: { name: 'short', include: ['test/**/*.test.ts'], exclude: [LONG] } },
    ],
  },
});
