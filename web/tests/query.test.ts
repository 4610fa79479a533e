import { describe, expect, it } from 'vitest';
import { boundsOf, insideOf } from '../src/map/geometry';
import { parseQuery } from '../src/desks/lookup/query';
import { shiftGeometry, shiftPosition, unshiftPosition } from '../src/map/shift';

describe('a query', () => {
  it.each([
    ['111.6184, 26.2225', { kind: 'position', lon: 111.6184, lat: 26.2225, swapped: false }],
    ['111.6184 26.2225', { kind: 'position', lon: 111.6184, lat: 26.2225, swapped: false }],
    ['１１１．６１８４，２６．２２２５', { kind: 'position', lon: 111.6184, lat: 26.2225, swapped: false }],
    ['26.2225，111.6184', { kind: 'position', lon: 111.6184, lat: 26.2225, swapped: true }],
    ['-3.7, 40.4', { kind: 'position', lon: -3.7, lat: 40.4, swapped: false }],
    [' 431102004001001 ', { kind: 'code', code: '431102004001001' }],
    ['SMD1A01', { kind: 'code', code: 'SMD1A01' }],
    ['', { kind: 'nothing' }],
    ['徐家井社区', { kind: 'name', name: '徐家井社区' }],
    ['one two', { kind: 'name', name: 'one two' }],
    ['557000, 2901000', { kind: 'projected' }],
    ['111°37′06″E 26°13′21″N', { kind: 'position', lon: 111 + 37 / 60 + 6 / 3600, lat: 26 + 13 / 60 + 21 / 3600, swapped: false }],
    ['北纬26.2225度 东经111.6184度', { kind: 'position', lon: 111.6184, lat: 26.2225, swapped: false }],
    ['S3.5 W40', { kind: 'position', lon: -40, lat: -3.5, swapped: false }],
  ])('%s is read', (typed, expected) => expect(parseQuery(typed, false)).toEqual(expected));

  it('is not turned round where easting comes first', () => {
    expect(parseQuery('62, 2902000', true)).toEqual({ kind: 'position', lon: 62, lat: 2902000, swapped: false });
  });
});

describe('a unit', () => {
  const square = (x: number, size: number) => [[x, 0], [x + size, 0], [x + size, size], [x, size], [x, 0]];
  it('is asked about inside, not in its hole', () => {
    const hole = [[1, 1], [9, 1], [9, 9], [1, 9], [1, 1]].map(([x, y]) => [x!, y!]);
    const [x, y] = insideOf({ type: 'Polygon', coordinates: [square(0, 10), hole] })!;
    expect(x! > 1 && x! < 9 && y! > 1 && y! < 9).toBe(false);
    expect(insideOf({ type: 'MultiPolygon', coordinates: [[square(0, 1)], [square(4, 3)]] })![0]).toBeCloseTo(5.5);
  });
  it('has bounds', () => {
    expect(boundsOf({ type: 'MultiPolygon', coordinates: [[square(0, 1)], [square(4, 3)]] })).toEqual([0, 0, 7, 3]);
    expect(boundsOf({ type: 'Point', coordinates: [1, 1] })).toBeNull();
  });
});

describe('a shift', () => {
  it('moves positions in China by some hundred metres, and others not', () => {
    const [lon, lat] = shiftPosition([111.6184, 26.2225], 'gcj02');
    expect(lon! - 111.6184).toBeCloseTo(0.0051, 3);
    expect(lat! - 26.2225).toBeCloseTo(-0.0030, 3);
    expect(shiftPosition([-104.99, 39.74], 'gcj02')).toEqual([-104.99, 39.74]);
    expect(shiftPosition([111.6184, 26.2225], null)).toEqual([111.6184, 26.2225]);
  });
  it.each(['gcj02', 'bd09', null] as const)('is taken back, to a millimetre (%s)', (shift) => {
    const place = [111.6184, 26.2225];
    const back = unshiftPosition(shiftPosition(place, shift), shift);
    back.forEach((value, at) => expect(Math.abs(value - place[at]!)).toBeLessThan(1e-8));
  });
  it('moves every vertex', () => {
    const ring = [[111, 26], [112, 26], [112, 27], [111, 26]];
    const moved = shiftGeometry({ type: 'Polygon', coordinates: [ring] }, 'bd09');
    moved.coordinates[0]!.forEach((position, at) => expect(position).toEqual(shiftPosition(ring[at]!, 'bd09')));
  });
});
