// Whose a place on a border is: ruled once, remembered, and followed by later cases.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { address } from '../../api/address';
import { answered, client, getJson, postJson } from '../../api/client';
import { role } from '../../api/settings';
import { type Case, findCase } from '../../cases/act';
import { metres, moment } from '../../i18n/figures';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { put } from './cases';
import { t } from './words';

interface Ruling {
  id: string;
  unit: string;
  reason: string;
  author: string;
  at: string;
  incident: string | null;
}

interface Doubt {
  units: string[];
  distance_m: number;
}

export function Rulings({ one }: { one: Case }) {
  const doubt = useSignal<Doubt | null>(null);
  const made = useSignal<Ruling[]>([]);
  const trouble = useSignal<string | null>(null);
  const mayRule = role() === 'dispatcher' || role() === 'admin';
  useEffect(() => {
    doubt.value = null;
    const { lon, lat } = one.position;
    answered(client.GET('/v1/locate', { params: { query: { lon, lat } as never } })).then((answer) => {
      if (!answer.ambiguous || !answer.grid) return;
      doubt.value = { units: [answer.grid.code, ...(answer.alternatives ?? []).map(({ code }) => code)], distance_m: answer.distance_to_border_m ?? 0 };
    }, () => undefined);
    getJson<{ rulings: Ruling[] }>(address('v1/rulings')).then(({ rulings }) => (made.value = rulings.filter(({ incident }) => incident === one.id)), () => undefined);
  }, [one.id, one.version]);

  const rule = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    try {
      const ruling = await postJson<Ruling>(address('v1/rulings'), { incident: one.id, unit: form.get('unit'), reason: form.get('reason') });
      made.value = [ruling, ...made.value];
      put(await findCase(one.id));
    } catch (error) {
      trouble.value = explain(error);
    }
  };

  if (!doubt.value) return null;
  return (
    <section aria-labelledby="ruling-title" id="ruling">
      <h3 id="ruling-title">{t('rulings')}</h3>
      <p class="soft">{t('fromBorder', metres(doubt.value.distance_m))}. {t('rulingHint')}</p>
      {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
      <ul class="plain">{made.value.map((ruling) => <li key={ruling.id}><strong>{t('ruled', ruling.unit)}</strong> <span class="aside">{moment(ruling.at)} · {ruling.author} · “{ruling.reason}”</span></li>)}</ul>
      {mayRule && (
        <form class="action-form" onSubmit={(event) => void rule(event)}>
          <label>{t('ruleFor')}<select name="unit">{doubt.value.units.map((code) => <option key={code}>{code}</option>)}</select></label>
          <label>{t('reason')}<input name="reason" required /></label>
          <p class="row end"><button type="submit">{t('rule')}</button></p>
        </form>
      )}
    </section>
  );
}
