// Staff first: how many workers each community should have for what it carries, before a border is moved.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { address } from '../../api/address';
import { type Schema, getJson } from '../../api/client';
import { headers } from '../../api/key';
import { count } from '../../i18n/figures';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { save } from '../../parts/save';
import { above, draft } from './draft';
import { t } from './words';

type Staffing = Schema['StaffingView'];
type Sum = Schema['StaffingSumView'];

export function StaffingTable() {
  const found = useSignal<Staffing | null>(null);
  const trouble = useSignal<string | null>(null);
  const asked = useSignal('');
  const open = draft.value;
  useEffect(() => {
    [found.value, trouble.value] = [null, null];
  }, [open?.id, open?.revision]);
  if (!open || !above.value) return null;
  const ask = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const query = new URLSearchParams();
    for (const name of ['workers', 'ceiling', 'cost', 'what_if', 'load', 'method']) {
      const value = String(form.get(name) ?? '').trim();
      if (value) query.set(name, value);
    }
    asked.value = query.toString();
    try {
      [found.value, trouble.value] = [await getJson<Staffing>(address(`v1/drafts/${open.id}/staffing?${asked.value}`)), null];
    } catch (error) {
      [found.value, trouble.value] = [null, explain(error)];
    }
  };
  const download = async (): Promise<void> => {
    const response = await fetch(address(`v1/drafts/${open.id}/staffing?${asked.value}${asked.value && '&'}f=csv`), { headers: headers() });
    if (response.ok) save(await response.blob(), `staffing-${open.id}.csv`);
  };
  const told = found.value;
  return (
    <section aria-labelledby="staffing-title" id="staffing">
      <h2 id="staffing-title">{t('staffing')}</h2>
      <p class="soft">{t('staffingHint')}</p>
      <form class="action-form" onSubmit={(event) => void ask(event)}>
        <div class="fields">
          <label>{t('workers')}<input name="workers" type="number" min="1" step="1" /></label>
          <label>{t('ceiling')}<input name="ceiling" type="number" min="0" step="any" /></label>
          <label>{t('costEach')}<input name="cost" type="number" min="0" step="any" /></label>
        </div>
        <div class="fields">
          <label>{t('whatIf')}<input name="what_if" pattern="[0-9]+\.\.[0-9]+(/[0-9]+)?" placeholder="40..60/5" /></label>
          <label>{t('balanceLoad')}<input name="load" placeholder={open.load_field ?? t('workload')} /></label>
          <label>{t('method')}<select name="method"><option value="sainte-lague">{t('evenBothSides')}</option><option value="min-max">{t('leastGreatest')}</option></select></label>
        </div>
        <p class="row end"><button type="submit" class="plainly" id="ask-staffing">{t('reckon')}</button></p>
      </form>
      {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
      {told && (
        <div id="staffing-table">
          <ul class="plain">
            {told.today && <li>{t('today')}{sum(told.today)}</li>}
            <li>{t('byLoad')}{sum(told.staffing)}</li>
            {told.fewest_under_ceiling != null && <li>{t('fewest', count(told.fewest_under_ceiling))}</li>}
          </ul>
          <div class="scrolls" tabIndex={0} role="group" aria-labelledby="staffing-title">
            <table>
              <thead><tr><th scope="col">{t('parent')}</th><th scope="col" class="figure">{t('load')}</th><th scope="col" class="figure">{t('workersToday')}</th><th scope="col" class="figure">{t('workers')}</th><th scope="col" class="figure">{t('loadEach')}</th></tr></thead>
              <tbody>{told.parents.map((row) => <tr key={row.parent}><td>{row.parent || '—'}</td><td class="figure">{whole(row.load)}</td><td class="figure">{row.workers_today ?? '—'}</td><td class={row.workers_today != null && row.workers_today !== row.workers ? 'figure strong' : 'figure'}>{row.workers}</td><td class="figure">{whole(row.load_per_worker)}</td></tr>)}</tbody>
            </table>
          </div>
          {told.what_if.length > 0 && <ul class="plain" id="what-if">{told.what_if.map((one) => <li key={one.workers}>{t('ifSo', count(one.workers))}{sum(one)}</li>)}</ul>}
          <p class="row end"><button type="button" class="quiet" onClick={() => void download()}>CSV</button></p>
        </div>
      )}
    </section>
  );
}

function sum(one: Sum): string {
  const parts = one.load_max == null
    ? [t('sumUpwards', count(one.workers), whole(one.load_mean), whole(one.load_min)), t('nobodyIn', one.without_workers.join(t('comma')))]
    : [t('sumOf', count(one.workers), whole(one.load_mean), whole(one.load_min), whole(one.load_max))];
  if (one.over_ceiling > 0) parts.push(t('overCeiling', count(one.over_ceiling)));
  if (one.cost != null) parts.push(t('costs', whole(one.cost)));
  return parts.join(t('comma'));
}

const whole = (figure: number): string => count(Math.round(figure));
