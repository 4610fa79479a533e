import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Has the page ask for the code of the map as it is opened, beside its own code, which would name it only once it runs. */
const mapEarly: Plugin = {
  name: 'map-early',
  transformIndexHtml: {
    order: 'post',
    handler(_, { bundle = {} }) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
      const [page, map] = [chunks.find(({ isEntry }) => isEntry), chunks.find(({ name }) => name === 'open')];
      const known = new Set([page?.fileName, ...(page?.imports ?? [])]);
      const code = chunks.filter((chunk) => (chunk === map || map?.imports.includes(chunk.fileName)) && !known.has(chunk.fileName));
      const styles = code.flatMap(({ viteMetadata }) => [...(viteMetadata?.importedCss ?? [])]);
      return [
        ...code.map(({ fileName }) => ({ tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: `./${fileName}` }, injectTo: 'head' as const })),
        ...styles.map((file) => ({ tag: 'link', attrs: { rel: 'preload', as: 'style', crossorigin: true, href: `./${file}` }, injectTo: 'head' as const })),
      ];
    },
  },
};

export default defineConfig({
  plugins: [mapEarly],
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
        // By itself it stays the same while the console changes.
        codeSplitting: { groups: [{ name: 'maplibre', test: /node_modules\/maplibre-gl/ }] },
        entryFileNames: 'assets/[name]-[hash].js',
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
  // Each file has a service and a browser of its own; several at once would only wait for each other.
  test: { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 15_000 } }, include: ['tests/**/*.test.ts'], fileParallelism: false, env: { TZ: 'Asia/Shanghai' } },
});
