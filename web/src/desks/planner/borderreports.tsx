// Where keepers say that a border is wrong: listed and on the map, to be looked at while it is redrawn, and settled with an answer.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Schema, answered, client } from '../../api/client';
import { authorName } from '../../cases/author';
import { count, metres, moment } from '../../i18n/figures';
import { goTo } from '../../map/frame';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { map } from '../../map/view';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { t } from './words';

type Report = Schema['BorderReportView'];

const OVERLAY: Overlay = {
  sources: { reports: emptySource() },
  layers: [
    { id: 'border-reports', type: 'circle', source: 'reports', paint: { 'circle-radius': 8, 'circle-color': ['case', ['get', 'settled'], '#7a8a94', '#7a4b00'], 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2.5 } },
  ],
};

export function BorderReports() {
  const reports = useSignal<Report[] | null>(null);
  const all = useSignal(false);
  const trouble = useSignal<(() => string) | null>(null);
  useOverlay(OVERLAY);
  const read = async (): Promise<void> => {
    try {
      reports.value = (await answered(client.GET('/v1/border-reports', { params: { query: all.value ? {} : { open: true } } }))).reports;
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    }
  };
  useEffect(() => void read(), [all.value]);
  useEffect(() => {
    const points = (reports.value ?? []).map(({ position: { lon, lat }, settled_at }) => feature({ type: 'Point', coordinates: [lon, lat] }, { settled: settled_at != null }));
    draw(map.value, 'reports', points);
  }, [map.value, reports.value]);
  const open = reports.value?.filter(({ settled_at }) => settled_at == null).length ?? 0;
  return (
    <section aria-labelledby="border-reports-title" id="border-reports">
      <h2 id="border-reports-title">{t('borderReports')} <span class={open > 0 ? 'badge bad' : 'badge'}>{count(open)}</span></h2>
      <label class="check"><input type="checkbox" checked={all} onChange={(event) => (all.value = event.currentTarget.checked)} /> {t('settledToo')}</label>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      {reports.value?.length === 0 && <p class="soft">{t('noBorderReports')}</p>}
      <ul class="plain">{reports.value?.map((one) => <Item key={one.id} one={one} onSettled={read} />)}</ul>
    </section>
  );
}

function Item({ one, onSettled }: { one: Report; onSettled: () => Promise<void> }) {
  const isSettling = useSignal(false);
  const trouble = useSignal<(() => string) | null>(null);
  const settle = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const answer = String(new FormData(event.target as HTMLFormElement).get('answer')).trim();
    trouble.value = null;
    try {
      await client.POST('/v1/border-reports/{id}/settle', { params: { path: { id: one.id } }, body: { answer } });
      isSettling.value = false;
      await onSettled();
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    }
  };
  return (
    <li data-report={one.id}>
      <button type="button" class="code" onClick={() => goTo([one.position.lon, one.position.lat], 17)}>{one.found ?? t('inNoUnit')}</button> {one.description}
      <span class="aside">
        {moment(one.at)} · {one.worker ?? authorName(one.author)}{one.unit && ` · ${t('saidToBe', one.unit)}`}{one.distance_to_border_m != null && ` · ${t('fromBorder', metres(one.distance_to_border_m))}`}
      </span>
      {one.settled_at != null
        ? <span class="aside">{t('settledWith', moment(one.settled_at), one.answer ?? '')}</span>
        : <button type="button" class="quiet" aria-expanded={isSettling.value} onClick={() => (isSettling.value = !isSettling.value)}>{t('settle')}</button>}
      {isSettling.value && (
        <form class="action-form" aria-label={t('settle')} onSubmit={(event) => void settle(event)}>
          <label>{t('answer')}<textarea name="answer" required maxLength={4000} rows={2} /></label>
          {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
          <p class="row end"><button type="submit">{t('settle')}</button></p>
        </form>
      )}
    </li>
  );
}
