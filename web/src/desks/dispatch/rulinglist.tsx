// All that was ruled about borders: on a list and on the map, to be looked up, added to, and ended.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { AddressField } from '../../cases/address/field';
import { count, metres } from '../../i18n/figures';
import { circle } from '../../map/distance';
import { goTo } from '../../map/frame';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { usePick } from '../../map/pick';
import { map } from '../../map/view';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { type Place, PlaceField } from '../../parts/placefield';
import { go } from './open';
import { doubtAt, endRuling, loadRulings, rule, rulings, showsEnded } from './ruled';
import { Ruled, mayRule } from './rulings';
import { t } from './words';

/** How far a ruling reaches where nothing else is said, metres. */
const RADIUS_M = 30;
const RADIUS_M_MAX = 200;

const OVERLAY: Overlay = {
  sources: { rulings: emptySource(), ruled: emptySource() },
  layers: [
    { id: 'rulings-fill', type: 'fill', source: 'rulings', paint: { 'fill-color': ['case', ['get', 'ended'], '#7a8a94', '#7a4b00'], 'fill-opacity': 0.25 } },
    { id: 'rulings-line', type: 'line', source: 'rulings', paint: { 'line-color': ['case', ['get', 'ended'], '#7a8a94', '#7a4b00'], 'line-width': 2 } },
    { id: 'ruled', type: 'circle', source: 'ruled', paint: { 'circle-radius': 7, 'circle-color': '#c2410c', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2.5 } },
  ],
};

export function RulingList() {
  const isOpen = useSignal(false);
  useEffect(() => void loadRulings().catch(() => undefined), []);
  const holding = rulings.value.filter(({ ended_at }) => ended_at == null).length;
  return (
    <section class="alarms" aria-label={t('rulings')}>
      <button type="button" class="chip border" id="rulings-open" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>{t('rulingsInForce', count(holding))}</button>
      {isOpen.value && <Opened />}
    </section>
  );
}

function Opened() {
  const isAdding = useSignal(false);
  const trouble = useSignal<(() => string) | null>(null);
  useOverlay(OVERLAY);
  useEffect(() => {
    const areas = rulings.value.map(({ position, radius_m, ended_at }) => feature({ type: 'Polygon', coordinates: [circle(position, radius_m)] }, { ended: ended_at != null }));
    draw(map.value, 'rulings', areas);
  }, [map.value, rulings.value]);
  const attempt = (work: Promise<void>): void => {
    trouble.value = null;
    work.catch((error: unknown) => (trouble.value = () => explain(error) ?? ''));
  };
  const end = (id: string): void => {
    if (confirm(t('confirmEnd'))) attempt(endRuling(id));
  };
  return (
    <div class="alarm-list rulings" id="rulings">
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      <p class="row">
        <label class="check"><input type="checkbox" id="rulings-ended" checked={showsEnded} onChange={(event) => [(showsEnded.value = event.currentTarget.checked), attempt(loadRulings())]} /> {t('endedToo')}</label>
        {mayRule() && <button type="button" class="quiet" id="new-ruling" aria-expanded={isAdding.value} onClick={() => (isAdding.value = !isAdding.value)}>{t('newRuling')}</button>}
      </p>
      {isAdding.value && <NewRuling onDone={() => (isAdding.value = false)} />}
      {rulings.value.length === 0 && <p class="soft">{t('none')}</p>}
      <ul class="plain">
        {rulings.value.map((ruling) => (
          <li key={ruling.id} data-ruling={ruling.id}>
            <Ruled ruling={ruling} />
            <span class="row">
              <button type="button" class="quiet" onClick={() => goTo([ruling.position.lon, ruling.position.lat], 17)}>{t('onMap')}</button>
              {ruling.incident && <button type="button" class="quiet" onClick={() => go(ruling.incident ?? null)}>{t('itsCase')}</button>}
              {ruling.ended_at == null && mayRule() && <button type="button" class="quiet" onClick={() => end(ruling.id)}>{t('endIt')}</button>}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A ruling about a place of which there is no case. */
function NewRuling({ onDone }: { onDone: () => void }) {
  const place = useSignal<Place | null>(null);
  const radius = useSignal(RADIUS_M);
  const doubt = useSignal<Awaited<ReturnType<typeof doubtAt>>>(null);
  const trouble = useSignal<(() => string) | null>(null);
  useEffect(() => {
    draw(map.value, 'ruled', place.value ? [feature({ type: 'Point', coordinates: [place.value.lon, place.value.lat] })] : []);
    return () => draw(map.value, 'ruled', []);
  }, [map.value, place.value]);
  useEffect(() => {
    doubt.value = null;
    const at = place.value;
    if (!at) return;
    trouble.value = null;
    doubtAt(at.lon, at.lat, radius.value).then(
      (found) => (found ? (doubt.value = found) : (trouble.value = () => t('noDoubt', metres(radius.value)))),
      (error: unknown) => (trouble.value = () => explain(error) ?? ''),
    );
  }, [place.value, radius.value]);
  usePick((lon, lat) => (place.value = { lon, lat }));
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!place.value || !doubt.value) return;
    const form = new FormData(event.target as HTMLFormElement);
    try {
      await rule({ ...place.value, unit: String(form.get('unit')), reason: String(form.get('reason')).trim(), radius_m: radius.value });
      onDone();
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    }
  };
  return (
    <form class="action-form" id="ruling-form" aria-label={t('newRuling')} onSubmit={(event) => void submit(event)}>
      <AddressField onPlace={(lon, lat) => [(place.value = { lon, lat }), goTo([lon, lat], 17)]} />
      <PlaceField label={t('rulingPlace')} place={place} required />
      <label>{t('reach')}<input name="radius" type="number" min={1} max={RADIUS_M_MAX} step={1} required value={radius} onChange={(event) => (radius.value = Number(event.currentTarget.value) || RADIUS_M)} /></label>
      {doubt.value && <label>{t('ruleFor')}<select name="unit">{doubt.value.units.map(({ code, name }) => <option key={code} value={code}>{code} {name}</option>)}</select></label>}
      <label>{t('reason')}<input name="reason" required maxLength={4000} /></label>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      <p class="row end">
        <button type="button" class="quiet" onClick={onDone}>{t('cancel')}</button>
        <button type="submit" disabled={!doubt.value}>{t('rule')}</button>
      </p>
    </form>
  );
}
