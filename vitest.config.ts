import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // End-to-end tests start real servers on loopback; on two cores a slow neighbour must not fail them.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
