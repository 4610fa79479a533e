// A local PMTiles file under the boundaries: pictures as they are, vector tiles as quiet shapes and lines.
import type { AddProtocolAction, StyleSpecification } from 'maplibre-gl';
import { PMTiles, Protocol, TileType } from 'pmtiles';
import { addUnderlay, escapeHtml } from './underlay';
import type { Settings } from '../api/settings';

export async function addPmtiles(
  style: StyleSpecification,
  basemap: NonNullable<Settings['basemap']>,
  addProtocol: (name: string, action: AddProtocolAction) => void,
): Promise<void> {
  const protocol = new Protocol();
  const url = new URL(basemap.url, location.href.split('#')[0]).href;
  const file = new PMTiles(url);
  protocol.add(file);
  addProtocol('pmtiles', protocol.tile as AddProtocolAction);
  const { tileType } = await file.getHeader();
  const attribution = escapeHtml(basemap.attribution);
  if (tileType !== TileType.Mvt) {
    style.sources.basemap = { type: 'raster', url: `pmtiles://${url}`, tileSize: 256, attribution };
    addUnderlay(style, [{ id: 'basemap', type: 'raster', source: 'basemap' }]);
    return;
  }
  style.sources.basemap = { type: 'vector', url: `pmtiles://${url}`, attribution };
  const metadata = (await file.getMetadata()) as { vector_layers?: { id: string }[] };
  const layers = (metadata.vector_layers ?? []).flatMap(({ id }): StyleSpecification['layers'] => [
    {
      id: `basemap-${id}-fill`, type: 'fill', source: 'basemap', 'source-layer': id,
      filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': id === 'water' ? '#cfdde6' : '#dfe2dd', 'fill-opacity': 0.6 },
    },
    {
      id: `basemap-${id}-line`, type: 'line', source: 'basemap', 'source-layer': id,
      filter: ['==', ['geometry-type'], 'LineString'], paint: { 'line-color': '#c3c8c4', 'line-width': 1 },
    },
  ]);
  addUnderlay(style, layers);
}
