// Whose a place on a border is: ruled once, remembered, and followed by later cases.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { role } from '../../api/settings';
import { type Case, findCase } from '../../cases/act';
import { authorName } from '../../cases/author';
import { metres, moment } from '../../i18n/figures';
import { distanceM } from '../../map/distance';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { put } from './cases';
import { type Ruling, doubtAt, loadRulings, rule, rulings } from './ruled';
import { t } from './words';

/** What was ruled about the place of a case, and whose it may be ruled to be. */
export function Rulings({ one }: { one: Case }) {
  const doubt = useSignal<Awaited<ReturnType<typeof doubtAt>>>(null);
  const trouble = useSignal<(() => string) | null>(null);
  useEffect(() => {
    doubt.value = null;
    doubtAt(one.position.lon, one.position.lat).then((found) => (doubt.value = found), () => undefined);
    loadRulings().catch(() => undefined);
  }, [one.id, one.version]);
  const here = rulings.value.filter(({ incident, position, radius_m, ended_at }) => incident === one.id || (ended_at == null && distanceM(position, one.position) <= radius_m));
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    trouble.value = null;
    try {
      await rule({ incident: one.id, unit: String(form.get('unit')), reason: String(form.get('reason')).trim() });
      put(await findCase(one.id));
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    }
  };
  if (!doubt.value && here.length === 0) return null;
  return (
    <section aria-labelledby="ruling-title" id="ruling">
      <h3 id="ruling-title">{t('rulings')}</h3>
      {doubt.value && <p class="soft">{t('fromBorder', metres(doubt.value.distance_m))} · {t('rulingHint')}</p>}
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      <ul class="plain">{here.map((ruling) => <li key={ruling.id}><Ruled ruling={ruling} /></li>)}</ul>
      {doubt.value && mayRule() && (
        <form class="action-form" onSubmit={(event) => void submit(event)}>
          <label>{t('ruleFor')}<select name="unit">{doubt.value.units.map(({ code, name }) => <option key={code} value={code}>{code} {name}</option>)}</select></label>
          <label>{t('reason')}<input name="reason" required maxLength={4000} /></label>
          <p class="row end"><button type="submit">{t('rule')}</button></p>
        </form>
      )}
    </section>
  );
}

export const mayRule = (): boolean => role() === 'dispatcher' || role() === 'admin';

export function Ruled({ ruling }: { ruling: Ruling }) {
  return (
    <>
      <strong>{t('ruled', ruling.unit)}</strong> {ruling.ended_at != null && <span class="badge">{t('endedAt', moment(ruling.ended_at))}</span>}
      <span class="aside">{moment(ruling.at)} · {authorName(ruling.author)} · {t('within', metres(ruling.radius_m))} · “{ruling.reason}”</span>
    </>
  );
}
