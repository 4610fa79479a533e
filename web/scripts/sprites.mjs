// Draws the icons of the styles and writes them as sprites, at one and two pixels a point, into the folder named.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

// Points along the side of an icon.
const SIDE = 24;
// Places looked at along the side of a pixel, for smooth edges.
const FINE = 8;

const WHITE = [255, 255, 255];
const disc = (radius) => (x, y) => Math.hypot(x, y) <= radius;
const ring = (inner, outer) => (x, y) => Math.hypot(x, y) >= inner && Math.hypot(x, y) <= outer;
const line = (x1, y1, x2, y2, width) => (x, y) => {
  const along = Math.min(1, Math.max(0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2)));
  return Math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1)) <= width / 2;
};
const both = (a, b) => (x, y) => a(x, y) && b(x, y);
const not = (a) => (x, y) => !a(x, y);
// A head over shoulders.
const person = (x, y) => Math.hypot(x, y + 2.8) <= 2.4 || (y >= 0.6 && y <= 5.2 && Math.hypot(x / 4.6, (y - 5.2) / 4.6) <= 1);

// Each icon's parts, the lower first: a shape around the middle of the icon, and its colour.
const ICONS = {
  closed: [[disc(7.5), WHITE], [ring(4.6, 6.4), [122, 138, 148]]],
  open: [[disc(8.5), WHITE], [disc(7), [31, 106, 165]], [disc(2.4), WHITE]],
  overdue: [[disc(10.5), WHITE], [disc(9), [176, 42, 28]], [ring(6.1, 7.4), WHITE], [line(0, 0.4, 0, -4.2, 1.5), WHITE], [line(0, 0.4, 3, 2.2, 1.5), WHITE]],
  vacant: [[disc(10.5), WHITE], [disc(9.4), [168, 100, 28]], [disc(7.9), WHITE], [both(person, not(line(-6, 6, 6, -6, 3.6))), [168, 100, 28]], [line(-5.8, 5.8, 5.8, -5.8, 1.6), [168, 100, 28]]],
};

function draw(parts, side) {
  const pixels = Buffer.alloc(side * side * 4);
  const scale = SIDE / side;
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const sum = [0, 0, 0, 0];
      for (let at = 0; at < FINE * FINE; at += 1) {
        const x = (column + ((at % FINE) + 0.5) / FINE) * scale - SIDE / 2;
        const y = (row + (Math.floor(at / FINE) + 0.5) / FINE) * scale - SIDE / 2;
        const seen = parts.findLast(([shape]) => shape(x, y));
        if (seen) seen[1].concat(255).forEach((value, channel) => (sum[channel] += channel === 3 ? 1 : value));
      }
      const covered = sum[3];
      const of = (channel) => (covered ? Math.round(sum[channel] / covered) : 0);
      pixels.set([of(0), of(1), of(2), Math.round((255 * covered) / FINE ** 2)], (row * side + column) * 4);
    }
  }
  return pixels;
}

function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, 'ascii'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

// PNG with four channels of eight bits, no filter, not interlaced (ISO/IEC 15948).
function png(width, height, pixels) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 6, 0, 0, 0], 8);
  const rows = Array.from({ length: height }, (_, row) => Buffer.concat([Buffer.from([0]), pixels.subarray(row * width * 4, (row + 1) * width * 4)]));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(rows), { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

export function writeSprites(folder) {
  mkdirSync(folder, { recursive: true });
  const names = Object.keys(ICONS);
  for (const pixelRatio of [1, 2]) {
    const side = SIDE * pixelRatio;
    const pixels = Buffer.alloc(names.length * side * side * 4);
    const index = {};
    names.forEach((name, at) => {
      const icon = draw(ICONS[name], side);
      for (let row = 0; row < side; row += 1) icon.copy(pixels, (row * names.length + at) * side * 4, row * side * 4, (row + 1) * side * 4);
      index[name] = { width: side, height: side, x: at * side, y: 0, pixelRatio };
    });
    const file = pixelRatio === 1 ? 'sprite' : `sprite@${pixelRatio}x`;
    writeFileSync(join(folder, `${file}.png`), png(names.length * side, side, pixels));
    writeFileSync(join(folder, `${file}.json`), `${JSON.stringify(index, null, 2)}\n`);
  }
}

if (process.argv[2]) writeSprites(process.argv[2]);
