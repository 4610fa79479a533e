import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The console is served behind any prefix, so its addresses are relative.
  base: './',
  build: {
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // MapLibre alone is beyond the usual limit.
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
  // Each file has a service and a browser of its own; several at once would only wait for each other.
  test: { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 15_000 } }, include: ['tests/**/*.test.ts'], fileParallelism: false, env: { TZ: 'Asia/Shanghai' } },
});
