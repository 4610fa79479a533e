// Serves the page and what MapLibre consists of. Usage: node serve.mjs [PORT]
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';

const FOLDERS = [new URL('./', import.meta.url), new URL('../../web/node_modules/maplibre-gl/dist/', import.meta.url)];
const MEDIA = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.geojson': 'application/geo+json' };

async function find(name) {
  // One name in one of two folders; a path that leads elsewhere is no name.
  if (!/^[\w-]+(\.[\w-]+)*$/.test(name)) return null;
  for (const folder of FOLDERS) {
    const bytes = await readFile(new URL(name, folder)).catch(() => null);
    if (bytes) return bytes;
  }
  return null;
}

const server = createServer(async (request, response) => {
  const name = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1) || 'index.html';
  const bytes = await find(name);
  response.writeHead(bytes ? 200 : 404, { 'content-type': MEDIA[extname(name)] ?? 'application/octet-stream' });
  response.end(bytes ?? 'not found');
});
server.listen(Number(process.argv[2] ?? 8090), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
