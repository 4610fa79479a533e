// What the board shows on the map: all cases of the period as heat, or units by what is to be done in them now.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LayerSpecification, Map as MapLibre, SourceSpecification, StyleSpecification } from 'maplibre-gl';
import { address } from '../../api/address';
import { getJson } from '../../api/client';
import { shift } from '../../map/layers';
import { map } from '../../map/view';
import type { Indicators } from './data';

export const SHOWN = ['heat', 'load', 'overdue', 'vacancy'] as const;
export type Shown = (typeof SHOWN)[number];

export const shown = signal<Shown>('heat');
/** The category of the cases that are heat; empty for all. */
export const category = signal('');
/** The colours of units with the figures at which they change; null for heat. */
export const legend = signal<{ colors: string[]; steps: number[] } | null>(null);

/** Nearer than this each case would stand by itself. */
const HEAT_ZOOM_MAX = 14;

const HEAT: LayerSpecification = {
  id: 'case-heat', type: 'heatmap', source: 'case-heat', 'source-layer': 'incidents',
  paint: {
    'heatmap-weight': ['min', 1, ['/', ['sqrt', ['get', 'count']], 4]],
    // Cases of a tile stand together in eight squares each way, some 64 pixels wide, so that less would show the squares.
    'heatmap-radius': ['interpolate', ['linear'], ['zoom'], 13, 52, 16, 70],
    'heatmap-opacity': 0.75,
  },
};

/** Puts what is chosen on the map while the component stands and the map is wanted. */
export function useBoardMap(found: Indicators, isWanted: boolean): void {
  const on = map.value;
  const [kind, wanted] = [shown.value, category.value];
  useEffect(() => {
    if (!on || !isWanted) return;
    let isOver = false;
    let remove = (): void => undefined;
    const put = async (): Promise<void> => {
      const made = kind === 'heat' ? heatOf(found, wanted) : await unitsBy(kind);
      if (isOver) return;
      legend.value = made.legend;
      remove = add(on, made);
    };
    put().catch(() => (legend.value = null));
    return () => {
      isOver = true;
      remove();
    };
  }, [on, isWanted, kind, wanted, found]);
}

interface Made {
  source: [name: string, source: SourceSpecification];
  layers: LayerSpecification[];
  legend: { colors: string[]; steps: number[] } | null;
}

function heatOf({ from, to }: Indicators, wanted: string): Made {
  const query = new URLSearchParams({ reported_from: from, reported_to: to, ...(wanted && { category: wanted }), ...(shift() && { shift: String(shift()) }) });
  const tiles = address(`tiles/incidents/{z}/{x}/{y}?${query}`).replaceAll('%7B', '{').replaceAll('%7D', '}');
  return { source: ['case-heat', { type: 'vector', tiles: [tiles], maxzoom: HEAT_ZOOM_MAX }], layers: [HEAT], legend: null };
}

/** Units coloured as the service's own style has it. */
async function unitsBy(kind: Exclude<Shown, 'heat'>): Promise<Made> {
  const style = await getJson<StyleSpecification>(address(`styles/${kind}${shift() ? `?shift=${shift()}` : ''}`));
  const { 'gridkeeper:legend': colours } = style.metadata as { 'gridkeeper:legend': Made['legend'] };
  return { source: ['workload', style.sources.workload as SourceSpecification], layers: style.layers.filter(({ type }) => type === 'fill'), legend: colours };
}

function add(on: MapLibre, { source: [name, source], layers }: Made): () => void {
  // Borders and names stay to be seen above it.
  const above = on.getStyle().layers.find(({ type }) => type === 'line')?.id;
  on.addSource(name, source);
  for (const layer of layers) on.addLayer(layer, above);
  return () => {
    for (const { id } of layers) if (on.getLayer(id)) on.removeLayer(id);
    if (on.getSource(name)) on.removeSource(name);
  };
}
