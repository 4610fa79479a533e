// “The border is wrong here”: told to the planners, with a network or later.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Schema } from '../../api/client';
import { count, moment } from '../../i18n/figures';
import { goTo } from '../../map/frame';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { usePick } from '../../map/pick';
import { map } from '../../map/view';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { type Place, PlaceField } from '../../parts/placefield';
import { sendOrKeep } from '../../parts/outbox';
import { whereAmI } from '../../parts/position';
import { Press } from '../../parts/press';
import { loadMine, mine, where } from './mine';
import { t } from './words';

const OVERLAY: Overlay = {
  sources: { wrong: emptySource() },
  layers: [{ id: 'wrong', type: 'circle', source: 'wrong', paint: { 'circle-radius': 8, 'circle-color': '#7a4b00', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 3 } }],
};

export function BorderWrong() {
  const isOpen = useSignal(false);
  const done = useSignal<'borderSent' | 'keptForLater' | null>(null);
  const finish = (isSent: boolean): void => {
    [isOpen.value, done.value] = [false, isSent ? 'borderSent' : 'keptForLater'];
    void loadMine();
  };
  return (
    <section class="reports">
      <button type="button" class="big plainly" id="border-wrong" aria-expanded={isOpen.value} onClick={() => [(isOpen.value = !isOpen.value), (done.value = null)]}>{t('borderWrong')}</button>
      {done.value && <Notice kind={done.value === 'borderSent' ? 'done' : 'warning'}>{t(done.value)}</Notice>}
      {isOpen.value && <BorderForm onDone={finish} onCancel={() => (isOpen.value = false)} />}
      <Told />
    </section>
  );
}

/** What one has said of borders before, and what the planners answered. */
function Told() {
  const reports = mine.value?.borderReports ?? [];
  if (reports.length === 0) return null;
  return (
    <details id="border-told">
      <summary>{t('borderTold', count(reports.length))}</summary>
      <ul class="plain">
        {reports.map(({ id, at, description, answer, settled_at: settledAt }) => (
          <li key={id}>
            {description} <span class="aside">{moment(at)}</span>
            {settledAt ? <p>{t('borderAnswer', answer ?? '')} <span class="aside">{moment(settledAt)}</span></p> : <p class="aside">{t('borderWaits')}</p>}
          </li>
        ))}
      </ul>
    </details>
  );
}

function BorderForm({ onDone, onCancel }: { onDone: (isSent: boolean) => void; onCancel: () => void }) {
  const place = useSignal<Place | null>(where.peek() && { lon: where.peek()?.[0] ?? 0, lat: where.peek()?.[1] ?? 0 });
  const trouble = useSignal<(() => string) | null>(null);
  const isBusy = useSignal(false);
  useOverlay(OVERLAY);
  useEffect(() => draw(map.value, 'wrong', place.value ? [feature({ type: 'Point', coordinates: [place.value.lon, place.value.lat] })] : []), [map.value, place.value]);
  usePick((lon, lat) => (place.value = { lon, lat }));
  const units = mine.value?.units ?? [];
  const known = new Map([...units, ...units.flatMap(({ neighbours }) => neighbours)].map(({ code, name }) => [code, name]));

  const here = async (): Promise<void> => {
    const found = await whereAmI();
    if (!found) return void (trouble.value = () => t('noPosition'));
    place.value = { lon: found.at[0] ?? 0, lat: found.at[1] ?? 0 };
    goTo(found.at, 17);
  };
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!place.value) return void (trouble.value = () => t('borderPlace'));
    const form = new FormData(event.target as HTMLFormElement);
    const [description, unit] = [String(form.get('description')).trim(), String(form.get('unit'))];
    const body: Schema['BorderReportBody'] = { ...place.value, description, ...(unit && { unit }) };
    isBusy.value = true;
    try {
      onDone(await sendOrKeep('v1/border-reports', body, `${t('borderWrong')} · ${description}`));
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    } finally {
      isBusy.value = false;
    }
  };

  return (
    <form class="action-form" id="border-form" aria-label={t('borderWrong')} onSubmit={(event) => void submit(event)}>
      <PlaceField label={t('borderPlace')} place={place} required />
      <p class="row"><button type="button" class="plainly" onClick={() => void here()}>{t('here')}</button></p>
      <label>{t('shouldBe')}
        <select name="unit">
          <option value="">{t('unknownUnit')}</option>
          {[...known].map(([code, name]) => <option key={code} value={code}>{name || code}</option>)}
        </select>
      </label>
      <label>{t('whatIsWrong')}<textarea name="description" required maxLength={4000} /></label>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      <p class="row end">
        <button type="button" class="quiet" onClick={onCancel}>{t('cancel')}</button>
        <Press type="submit" isOff={isBusy.value}>{t('tell')}</Press>
      </p>
    </form>
  );
}
