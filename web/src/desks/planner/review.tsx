// What stands before publication: problems, what changes hands, approval by a second person, the day from which it holds.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Geometry } from 'geojson';
import { address } from '../../api/address';
import { getJson } from '../../api/client';
import { headers } from '../../api/key';
import { count, moment } from '../../i18n/figures';
import { frame } from '../../map/frame';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { Press } from '../../parts/press';
import { authorName } from '../../cases/author';
import { PrintedMap } from '../../map/printed';
import { printPage, usePrinted } from '../../map/snapshot';
import { save } from '../../parts/save';
import { levelName } from '../../shell/words';
import { type Draft, draft, faultPlace, interpret, isOpen, openDraft, said, send, tell } from './draft';
import { DRAFT_LAYERS } from './overlay';
import { kindName, t } from './words';

interface Problems {
  errors: number;
  problems: { kind: string; severity: string; level: string; units: string[]; place: Geometry | null; detail: string; remedy: string }[];
  unheld: string[];
  publishable: boolean;
}

interface Comparison {
  units: { level: string; change: Change; code: string; name: string; parent: string | null; parent_before: string | null; area_m2: number | null; area_m2_before: number | null; workers: string[] }[];
  totals: { reassigned_area_m2: number; workers: number };
}

type Change = 'begun' | 'ended' | 'reshaped' | 'reassigned' | 'renamed';

/** What the service says, in the language of the page, or marked as another where it is not known in it. */
function Said({ text }: { text: string }) {
  const said = interpret(text);
  return said === null ? <span lang="en">{text}</span> : <>{said}</>;
}

export function ProblemList() {
  const found = useSignal<Problems | null>(null);
  const open = draft.value;
  useEffect(() => {
    if (open) getJson<Problems>(address(`v1/drafts/${open.id}/problems`)).then((told) => (found.value = told), () => (found.value = null));
  }, [open?.id, open?.revision]);
  const told = found.value;
  if (!told) return null;
  const show = (place: Geometry | null): void => {
    faultPlace.value = place;
    if (place) frame(place);
  };
  return (
    <section aria-labelledby="problems-title" id="problems">
      <h2 id="problems-title">{t('problems')} <span class={told.errors > 0 ? 'badge bad' : 'badge'}>{told.problems.length}</span></h2>
      {told.problems.length === 0 && <p class="soft">{t('noProblems')}</p>}
      <ul class="plain">{told.problems.map((one, at) => <li key={at}><button type="button" class="code" onClick={() => show(one.place)}>{kindName(one.kind)}</button> <Said text={one.detail} /> <span class="aside">{one.units.join(', ')} <Said text={one.remedy} /></span></li>)}</ul>
      {told.unheld.length > 0 && <Notice kind="warning">{t('unheld', told.unheld.join(', '))}</Notice>}
    </section>
  );
}

/** Paper shows the draft, and the boundaries of today, which lie below it. The draft is taken first: layers that were hidden come back later. */
const DRAFT_AND_TODAY = [[], DRAFT_LAYERS];

export function ComparisonList() {
  const found = useSignal<Comparison | null>(null);
  const trouble = useSignal<string | null>(null);
  const open = draft.value;
  const printed = usePrinted(DRAFT_AND_TODAY);
  useEffect(() => void (found.value = null), [open?.revision]);
  if (!open) return null;
  const compare = async (): Promise<void> => {
    try {
      found.value = await getJson<Comparison>(address(`v1/drafts/${open.id}/comparison`));
    } catch (error) {
      trouble.value = explain(error);
    }
  };
  const page = async (): Promise<void> => {
    const response = await fetch(address(`v1/drafts/${open.id}/comparison?f=html`), { headers: headers() });
    if (response.ok) save(await response.blob(), `draft-${open.id}.html`);
  };
  return (
    <section aria-labelledby="comparison-title" id="comparison">
      <h2 id="comparison-title">{t('comparison')}</h2>
      <p class="row"><button type="button" class="plainly" id="compare" onClick={() => void compare()}>{t('compare')}</button><button type="button" class="plainly" id="print" onClick={() => void compare().then(printPage)}>{t('print')}</button><button type="button" class="plainly" id="print-page" onClick={() => void page()}>{t('printPage')}</button></p>
      <div class="printed-maps">{printed.value.map((picture, at) => <PrintedMap key={at} picture={picture} name={t(at === 0 ? 'mapDraft' : 'mapToday')} />)}</div>
      {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
      {found.value && <p class="soft">{t('totals', count(Math.round(found.value.totals.reassigned_area_m2)), count(found.value.totals.workers))}</p>}
      {found.value && (
        <div class="scrolls" tabIndex={0} role="group" aria-labelledby="comparison-title">
          <table>
            <thead><tr><th scope="col">{t('change')}</th><th scope="col">{t('unit')}</th><th scope="col">{t('parent')}</th><th scope="col" class="figure">{t('area')}</th><th scope="col">{t('keepers')}</th></tr></thead>
            <tbody>
              {found.value.units.map((one) => (
                <tr key={`${one.level}${one.code}${one.change}`}>
                  <td>{t(one.change)}</td><td>{one.name || one.code} <span class="aside">{levelName(one.level)} {one.code}</span></td>
                  <td>{one.parent_before && one.parent_before !== one.parent ? t('fromTo', one.parent_before, one.parent ?? '—') : (one.parent ?? '—')}</td>
                  <td class="figure">{area(one.area_m2_before)} → {area(one.area_m2)}</td><td>{one.workers.join(', ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function area(value: number | null): string {
  return value === null ? '—' : count(Math.round(value));
}

export function Approval() {
  const open = draft.value;
  if (!open) return null;
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      await openDraft(open.id);
    } catch (error) {
      await tell(error);
    }
  };
  const publish = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const effective = String(form.get('effective'));
    const lines = String(form.get('moves')).split('\n').map((line) => line.trim()).filter(Boolean);
    const pairs = lines.map((line) => line.split(/[\s,，:：→]+/).filter(Boolean));
    const wrong = lines.find((_, at) => pairs[at]?.length !== 2);
    if (wrong) {
      said.value = { kind: 'error', say: () => t('noMove', wrong) };
      return;
    }
    const moves = pairs.map(([from, to]) => ({ from, to }));
    // A day is midnight of the office, which the service knows.
    void run(() => send('POST', 'publication', { ...(effective && { effective_from: effective }), ...(moves.length > 0 && { roster_moves: moves }), accept_unheld: form.get('unheld') !== null }));
  };
  return (
    <section aria-labelledby="approval-title" id="approval">
      <h2 id="approval-title">{t('approval')}</h2>
      {open.published_as !== null && <Notice kind="done">{t('publishedAs', open.published_as)}</Notice>}
      {open.approval && <Notice kind="done">{t('approvedBy', authorName(open.approval.by), moment(open.approval.at))}</Notice>}
      {isOpen.value && !open.approval && <p class="soft">{t('needsSecond')}</p>}
      {isOpen.value && <p class="row"><Press class="plainly" id="approve" isOff={open.approval !== null} onClick={() => void run(() => send<Draft>('POST', 'approval', {}))}>{t('approve')}</Press></p>}
      {isOpen.value && (
        <form class="action-form" onSubmit={publish}>
          <label>{t('effective')}<input type="date" name="effective" /></label>
          <label>{t('rosterMoves')}<textarea name="moves" rows={2} /></label>
          <label class="check"><input type="checkbox" name="unheld" /> {t('acceptUnheld')}</label>
          <p class="row end"><Press type="submit" id="publish" isOff={open.approval === null}>{t('publish')}</Press></p>
        </form>
      )}
      {isOpen.value && <p class="row end"><button type="button" class="quiet" id="withdraw" onClick={() => confirm(t('confirmWithdraw')) && void run(() => send('DELETE', ''))}>{t('withdraw')}</button></p>}
    </section>
  );
}
