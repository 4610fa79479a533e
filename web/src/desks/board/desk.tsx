// The board of the grid centre: how well cases were handled, by whom and where, at what cost, and what is wrong now.
import './desk.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { address } from '../../api/address';
import { headers } from '../../api/key';
import { loadCategories } from '../../cases/categories';
import { day, moment } from '../../i18n/figures';
import { printPage } from '../../map/snapshot';
import { Notice } from '../../parts/notice';
import { now } from '../../parts/now';
import { save } from '../../parts/save';
import { Costs } from './costs';
import { type By, addressOf, indicators, isLoading, load, period, shownPeriod, trouble } from './data';
import { Heat } from './heat';
import { Indicators } from './indicators';
import { Now } from './now';
import { Ranking } from './ranking';
import { Trend } from './trend';
import { t } from './words';

const KINDS: By[] = ['street', 'community', 'grid', 'department', 'worker'];

export default function BoardDesk() {
  const wanted = useSignal<string | null>(null);
  useEffect(() => {
    void loadCategories();
    void load();
  }, []);
  const found = indicators.value;
  // Until one is chosen, the first that has anything to tell.
  const chosen = wanted.value ?? found?.total.values.find(({ denominator }) => denominator > 0)?.indicator ?? 'handling';
  return (
    <div class="board">
      <header class="head"><h1>{t('title')}</h1></header>
      {found && <OnPaper asOf={found.as_of} />}
      <Choice />
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      {isLoading.value && <p class="soft" role="status">{t('loading')}</p>}
      {found && (
        <div class="tiles">
          <Now />
          <Trend code={chosen} />
          <Indicators found={found} chosen={chosen} onChoose={(code) => (wanted.value = code)} />
          <Ranking found={found} chosen={chosen} />
          <Costs />
          <Heat found={found} />
        </div>
      )}
    </div>
  );
}

/** What paper has to say of itself: nobody can ask it for another period. */
function OnPaper({ asOf }: { asOf: string }) {
  const of = shownPeriod.value;
  if (!of) return null;
  // Days are those of the office, wherever they are read.
  const [from, to] = [of.from, of.to].map((date) => day(`${date}T00:00`)) as [string, string];
  return (
    <p class="on-paper" id="on-paper">
      <span>{t('ofPeriod', from, to)}</span> <span>{t('groupedBy', t(of.by))}</span> <span>{t('knownUntil', moment(asOf))}</span> <span>{t('madeAt', moment(new Date(now.value).toISOString()))}</span>
    </p>
  );
}

function Choice() {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    period.value = { from: String(form.get('from')), to: String(form.get('to')), by: String(form.get('by')) as By };
    void load();
  };
  const fetchFile = async (form: 'csv' | 'report'): Promise<void> => {
    const response = await fetch(address(addressOf(period.value, form)), { headers: headers() });
    const { from, to, by } = period.value;
    if (response.ok) save(await response.blob(), `indicators-${from}-${to}-${by}.${form === 'csv' ? 'csv' : 'html'}`);
  };
  return (
    <form class="row no-print" id="period" onSubmit={submit}>
      <label>{t('from')} <input type="date" name="from" required defaultValue={period.value.from} value={period.value.from} /></label>
      <label>{t('to')} <input type="date" name="to" required value={period.value.to} /></label>
      <label>{t('by')} <select name="by" value={period.value.by}>{KINDS.map((kind) => <option key={kind} value={kind}>{t(kind)}</option>)}</select></label>
      <button type="submit">{t('show')}</button>
      <button type="button" class="plainly" id="export-csv" onClick={() => void fetchFile('csv')}>{t('csv')}</button>
      <button type="button" class="plainly" id="export-report" onClick={() => void fetchFile('report')}>{t('report')}</button>
      <button type="button" class="plainly" id="print" onClick={() => void printPage()}>{t('print')}</button>
    </form>
  );
}
