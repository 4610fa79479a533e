// The citizen's page: which grid is mine, report something, follow it. Nobody's name or phone is shown here, nor asked for.
import './desk.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { MapMouseEvent } from 'maplibre-gl';
import type { Feature } from 'geojson';
import { address, reachable } from '../../api/address';
import { type Schema, getJson } from '../../api/client';
import { key } from '../../api/key';
import { AddressField } from '../../cases/address/field';
import { type Overlay, draw, emptySource, feature, mapCrs, useOverlay } from '../../map/layers';
import { goTo } from '../../map/frame';
import { map } from '../../map/view';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { whereAmI } from '../../parts/position';
import { Press } from '../../parts/press';
import { Follow } from './follow';
import { ReportSomething } from './report';
import { t } from './words';

type Answer = Required<Schema['LocateAnswer']>;

const OVERLAY: Overlay = {
  sources: { unit: emptySource(), place: emptySource() },
  layers: [
    { id: 'unit-fill', type: 'fill', source: 'unit', paint: { 'fill-color': '#1f6b45', 'fill-opacity': 0.15 } },
    { id: 'unit-line', type: 'line', source: 'unit', paint: { 'line-color': '#1f6b45', 'line-width': 3 } },
    { id: 'place', type: 'circle', source: 'place', paint: { 'circle-radius': 8, 'circle-color': '#c2410c', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 3 } },
  ],
};

export default function CitizenDesk() {
  const answer = useSignal<Answer | null>(null);
  const trouble = useSignal<(() => string) | null>(null);
  const isLooking = useSignal(false);
  useOverlay(OVERLAY);

  const ask = async (lon: number, lat: number, crs: string): Promise<void> => {
    trouble.value = null;
    try {
      // Asked by the members that hold nobody's name, whatever the key of the page might show.
      const query = new URLSearchParams({ lon: String(lon), lat: String(lat), ...(crs && { crs }), fields: 'status,position,grid,path,responsible,vacant' });
      const found = await publicly<Answer>(`v1/locate?${query}`);
      answer.value = found;
      const place = [found.position.lon, found.position.lat];
      draw(map.value, 'place', [feature({ type: 'Point', coordinates: place })]);
      goTo(place);
      const unit = found.grid ? await getJson<Feature>(reachable(found.grid.href, '/collections/')) : null;
      draw(map.value, 'unit', unit ? [feature(unit.geometry)] : []);
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    }
  };

  useEffect(() => {
    const on = map.value;
    const pick = (event: MapMouseEvent): void => void ask(event.lngLat.lng, event.lngLat.lat, mapCrs());
    on?.on('click', pick);
    return () => void on?.off('click', pick);
  }, [map.value]);

  const here = async (): Promise<void> => {
    isLooking.value = true;
    const found = await whereAmI();
    isLooking.value = false;
    if (!found) return void (trouble.value = () => t('noPosition'));
    await ask(found.at[0] ?? 0, found.at[1] ?? 0, '');
  };

  return (
    <div class="citizen">
      <h1>{t('title')}</h1>
      <section aria-labelledby="which-title">
        <h2 id="which-title">{t('which')}</h2>
        <p class="row"><Press id="here" isOff={isLooking.value} onClick={() => void here()}>{t(isLooking.value ? 'looking' : 'here')}</Press> <span class="soft">{t('tap')}</span></p>
        {key() !== null && <AddressField onPlace={(lon, lat) => void ask(lon, lat, '')} />}
        {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
        <div id="which" aria-live="polite">{answer.value && <Which answer={answer.value} />}</div>
      </section>
      <ReportSomething at={answer.value?.position ?? null} />
      <Follow />
    </div>
  );
}

function Which({ answer }: { answer: Answer }) {
  if (!answer.grid) return <Notice kind="info">{t('nobody')}</Notice>;
  const { responsible, path } = answer;
  return (
    <div class="mine">
      <span class="soft">{t('yours')}</span>
      <strong>{answer.grid.name || answer.grid.code}</strong>
      <span>{path.map(({ name, code }) => name || code).join(' › ')}</span>
      <span>{responsible ? t('responsible', t(responsible.post as 'primary' | 'backup' | 'leader')) : t('vacant')}</span>
    </div>
  );
}

/** Asks without the key of the page. */
async function publicly<T>(path: string): Promise<T> {
  const response = await fetch(address(path), { headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(String(response.status));
  return response.json() as Promise<T>;
}
