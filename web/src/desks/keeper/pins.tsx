// The tasks on the map. Those that lie so near to each other that their pins would cover one another have one in common, which tells all of them
// when it is tapped.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Feature } from 'geojson';
import type { ExpressionSpecification, GeoJSONSource, LayerSpecification, Map as MapLibre, MapMouseEvent, SourceSpecification } from 'maplibre-gl';
import { categoryName } from '../../cases/categories';
import { NOTHING, draw, feature } from '../../map/layers';
import { map } from '../../map/view';
import { mine, tasks, where } from './mine';
import { t } from './words';

/** From middle to middle, pixels: nearer pins would touch. */
const APART_PX = 30;

/** How far beside a pin a finger may be, pixels. */
const REACH_PX = 8;

/** Nearer than the map ever is, so that pins at one place never come apart into a heap. */
const ZOOM_MAX = 22;

const isSeveral: ExpressionSpecification = ['has', 'point_count'];

export const PIN_SOURCE: SourceSpecification = {
  type: 'geojson', data: NOTHING, maxzoom: ZOOM_MAX, cluster: true, clusterRadius: APART_PX, clusterMaxZoom: ZOOM_MAX - 1,
  clusterProperties: { number: ['min', ['get', 'number']], late: ['any', ['get', 'late']] },
};

export const PIN_LAYERS: LayerSpecification[] = [
  { id: 'work', type: 'circle', source: 'work', paint: { 'circle-radius': ['case', isSeveral, 16, 11], 'circle-color': ['case', ['get', 'late'], '#b3261e', '#1d3c52'], 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2 } },
  {
    // The first in walking order, and how many more.
    id: 'work-number', type: 'symbol', source: 'work',
    layout: { 'text-field': ['case', isSeveral, ['concat', ['get', 'number'], '+', ['-', ['get', 'point_count'], 1]], ['to-string', ['get', 'number']]], 'text-size': 12, 'text-allow-overlap': true, 'text-ignore-placement': true },
    paint: { 'text-color': '#ffffff' },
  },
];

/** The tasks at the pin that was tapped last, where they are several. */
const tapped = signal<readonly string[]>([]);

export function usePins(): void {
  useEffect(() => {
    const points = tasks().map(({ id, position: { lon, lat }, overdue }, at) => feature({ type: 'Point', coordinates: [lon, lat] }, { id, number: at + 1, late: overdue }));
    draw(map.value, 'work', points);
  }, [map.value, mine.value, where.value]);
}

/** Shows the task whose pin lies under a finger, or lists those that have it in common; answers whether there is one. */
export async function tap(on: MapLibre, { point: { x, y } }: MapMouseEvent): Promise<boolean> {
  const pins = on.getLayer('work') ? on.queryRenderedFeatures([[x - REACH_PX, y - REACH_PX], [x + REACH_PX, y + REACH_PX]], { layers: ['work'] }) : [];
  if (pins.length === 0) return false;
  const source = on.getSource<GeoJSONSource>('work');
  const leaves = async (pin: Feature): Promise<Feature[]> => {
    const { point_count: count, cluster_id: cluster } = pin.properties as { point_count?: number; cluster_id?: number };
    return count && cluster !== undefined && source ? source.getClusterLeaves(cluster, count, 0) : [pin];
  };
  const found = (await Promise.all(pins.map(leaves))).flat();
  const ids = [...new Set(found.map(({ properties }) => String(properties?.id)))];
  tapped.value = ids.length > 1 ? ids : [];
  if (ids.length === 1) showTask(ids[0] as string);
  return true;
}

/** Goes to a task in the list. */
function showTask(id: string): void {
  document.querySelector<HTMLElement>(`[data-task="${CSS.escape(id)}"] .choice`)?.focus();
}

/** The tasks of a pin that they have in common, to choose one of. */
export function Tapped() {
  const here = tasks().map((task, at) => ({ ...task, number: at + 1 })).filter(({ id }) => tapped.value.includes(id));
  useEffect(() => {
    if (tapped.value.length > 0) document.querySelector<HTMLElement>('#tapped .choice')?.focus();
  }, [tapped.value]);
  if (here.length === 0) return null;
  return (
    <section id="tapped" aria-labelledby="tapped-title">
      <h2 id="tapped-title">{t('atThisPin', here.length)}</h2>
      <ul class="plain">
        {here.map(({ id, number, category, description, overdue }) => (
          <li key={id} class={overdue ? 'late' : ''}>
            <button type="button" class="choice" onClick={() => showTask(id)}><span class="number">{number}</span> <strong>{categoryName(category)}</strong> <span class="aside">{description}</span></button>
          </li>
        ))}
      </ul>
      <p class="row end"><button type="button" class="quiet" onClick={() => (tapped.value = [])}>{t('close')}</button></p>
    </section>
  );
}
