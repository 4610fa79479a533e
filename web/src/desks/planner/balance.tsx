// Balancing: how the units of the draft could be shared out so that all carry about the same, looked for by the service while somebody watches.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { count, percent } from '../../i18n/figures';
import { Notice } from '../../parts/notice';
import { Press } from '../../parts/press';
import { above, chosen, draft, finest, isOpen, parents } from './draft';
import { type Finding, type Plan, type Wish, foreseen, forget, look, looking, plan, planTrouble, stop, take } from './plan';
import { t } from './words';

const TOLERANCE_PERCENT = 5;

/** Changes that are listed; all of them are in the operation. */
const LISTED_MAX = 200;

export function Balance() {
  const open = draft.value;
  const unread = useSignal<string | null>(null);
  useEffect(() => forget, [open?.id]);
  // What was found was found of another revision.
  useEffect(() => void (plan.value && plan.value.revision !== open?.revision && forget()), [open?.revision]);
  if (!open || !above.value) return null;
  const begin = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const wish: Wish = { tolerance: Number(text('tolerance')) / 100, mode: text('mode') };
    for (const name of ['into', 'seconds', 'floor', 'ceiling', 'seed'] as const) if (text(name)) wish[name] = Number(text(name));
    for (const name of ['load', 'numbers', 'at_least', 'at_most'] as const) if (text(name)) wish[name] = text(name);
    unread.value = null;
    forget();
    try {
      const file = form.get('wishes');
      if (file instanceof File && file.size > 0) wish.wishes = JSON.parse(await file.text()) as Wish['wishes'];
    } catch {
      unread.value = t('notJson');
      return;
    }
    await look(wish);
  };
  const now = looking.value;
  return (
    <section aria-labelledby="balance-title" id="balance">
      <h2 id="balance-title">{t('balance')}</h2>
      <p class="soft">{t('balanceHint')}</p>
      {isOpen.value && (
        <form class="action-form" onSubmit={(event) => void begin(event)}>
          <div class="fields">
            <label>{t('into')}<input name="into" type="number" min="1" step="1" placeholder={String(parents.value.length)} /></label>
            <label>{t('tolerance')}<input name="tolerance" type="number" min="0.1" max="99" step="0.1" required defaultValue={String(TOLERANCE_PERCENT)} /></label>
            <label>{t('seconds')}<input name="seconds" type="number" min="1" max="600" step="1" /></label>
          </div>
          <label>{t('balanceLoad')}<input name="load" placeholder={open.load_field ?? t('workload')} /></label>
          <label>{t('atMost')}<input name="at_most" placeholder="units:30,area_km2:4" /></label>
          <label>{t('mode')}<select name="mode"><option value="warm">{t('warm')}</option><option value="redraw">{t('redraw')}</option></select></label>
          <details id="balance-bounds">
            <summary>{t('moreBounds')}</summary>
            <div class="fields">
              <label>{t('floor')}<input name="floor" type="number" min="0" step="any" /></label>
              <label>{t('ceiling')}<input name="ceiling" type="number" min="0" step="any" /></label>
              <label>{t('seed')}<input name="seed" type="number" min="0" step="1" /></label>
            </div>
            <label>{t('atLeast')}<input name="at_least" placeholder="units:10,area_km2:0.5" /></label>
            <label>{t('numbers')}<select name="numbers"><option value="">{t('numbersEither')}</option><option value="today">{t('numbersToday')}</option><option value="load">{t('numbersLoad')}</option></select></label>
            <label>{t('wishes')}<input name="wishes" type="file" accept=".geojson,.json,application/geo+json" /></label>
            <p class="soft">{t('wishesHint')}</p>
          </details>
          <p class="row end">
            {now && <Press class="plainly" id="stop-balance" isOff={!now.run} onClick={() => void stop()}>{t('stop')}</Press>}
            <Press type="submit" id="begin-balance" isOff={now !== null}>{t('begin')}</Press>
          </p>
        </form>
      )}
      {now && (
        <p class="row" role="status" id="balance-progress">
          <progress class="grow" aria-label={t('balance')} max={Math.max(1, now.steps)} value={now.done} />
          <span class="soft">{t('outside', now.outside)}</span>
        </p>
      )}
      {unread.value && <Notice kind="error">{unread.value}</Notice>}
      {planTrouble.value && <Notice kind="error">{planTrouble.value}</Notice>}
      {!plan.value && <Findings of={foreseen.value} />}
      {plan.value && <Found found={plan.value} />}
    </section>
  );
}

function Found({ found }: { found: Plan }) {
  const { metrics, today, changes, findings } = found;
  const rows = [
    ['imbalance', today?.balance.imbalance_max, metrics.balance.imbalance_max, percent],
    ['within5', today?.balance.within_5, metrics.balance.within_5, percent],
    ['gini', today?.balance.gini, metrics.balance.gini, digits],
    ['compactness', today?.compactness.polsby_popper, metrics.compactness.polsby_popper, digits],
  ] as const;
  return (
    <div id="plan">
      <div class="scrolls" tabIndex={0} role="group" aria-label={t('metrics')}>
        <table>
          <thead><tr><th scope="col">{t('metrics')}</th><th scope="col" class="figure">{t('today')}</th><th scope="col" class="figure">{t('planned')}</th></tr></thead>
          <tbody>{rows.map(([name, before, after, write]) => <tr key={name}><td>{t(name)}</td><td class="figure">{before === undefined ? '—' : write(before)}</td><td class="figure">{write(after)}</td></tr>)}</tbody>
        </table>
      </div>
      {metrics.moved && <p class="soft" id="plan-moved">{t('moved', count(metrics.moved.units), percent(metrics.moved.load_share), count(metrics.moved.workers))}</p>}
      {!found.finished && <Notice kind="warning">{t('stopped')}</Notice>}
      <Findings of={findings} />
      <ol class="plain" id="moves">
        {changes.slice(0, LISTED_MAX).map((change, at) => (
          <li key={at}><button type="button" class="code" onClick={() => (chosen.value = new Set(change.units))}>{change.to ?? '—'}</button> {t('takes', change.units.length, name(change.from), percent(change.from_share[0] ?? 0), percent(change.from_share[1] ?? 0), percent(change.to_share[0] ?? 0), percent(change.to_share[1] ?? 0))}</li>
        ))}
      </ol>
      {changes.length > LISTED_MAX && <p class="soft">{t('more', count(changes.length - LISTED_MAX))}</p>}
      <p class="row end">
        <button type="button" class="quiet" onClick={forget}>{t('discard')}</button>
        <Press id="take-plan" isOff={!found.operation || !isOpen.value || finest.value !== found.level} onClick={() => void take(found)}>{t('takePlan')}</Press>
      </p>
    </div>
  );
}

function Findings({ of }: { of: readonly Finding[] }) {
  if (of.length === 0) return null;
  const failures = of.filter(({ failure }) => failure).length;
  return (
    <details class="findings">
      <summary>{t('findings', of.length)} {failures > 0 && <span class="badge bad">{t('notMet', failures)}</span>}</summary>
      <ul class="plain">{of.map((finding, at) => <li key={at}>{finding.failure && <span class="badge bad">!</span>} {say(finding)}</li>)}</ul>
    </details>
  );
}

/** Says a finding in the language of the page, with what could be done. */
function say({ community, kind, unit, district, load, count: number, bounds, figure, why }: Finding): string {
  const range = `${count(Math.round(bounds[0] ?? 0))}–${count(Math.round(bounds[1] ?? 0))}`;
  const amount = load === undefined || load === null ? '' : count(Math.round(load));
  const place = community ? `${community} ` : '';
  switch (kind) {
    case 'too_heavy': return place + t('tooHeavy', unit ?? '', amount, range);
    case 'off_the_mean': return place + t('offTheMean', number ?? 0);
    case 'no_room': return place + t('noRoom', amount, range);
    case 'over_limit': return place + t('overLimit', figure ?? '', amount, count(bounds[1] ?? 0));
    case 'under_limit': return place + t('underLimit', figure ?? '', amount, count(bounds[0] ?? 0));
    case 'in_pieces': return place + t('inManyPieces', number ?? 0);
    case 'stuck': return place + t('stuck', amount);
    case 'torn_today': return place + t('tornToday', number ?? 0);
    case 'crosses_today': return place + t('crossesToday', district ?? '');
    case 'too_many_locked': return place + t('tooManyLocked', number ?? 0);
    case 'too_many_points': return place + t('tooManyPoints', number ?? 0);
    case 'locked_apart': return place + t('lockedApart', number ?? 0);
    default: return place + t('staysOutside', district ?? '', amount, range, t(WHY[why ?? ''] ?? 'noWay'));
  }
}

const WHY: Record<string, 'heavyUnit' | 'noRoomLeft' | 'overItsLimit' | 'lockedLoad' | 'noWay' | 'timeOver'> = { heavy_unit: 'heavyUnit', no_room: 'noRoomLeft', limit: 'overItsLimit', locked: 'lockedLoad', no_way: 'noWay', stopped: 'timeOver' };

const name = (code: string | null | undefined): string => code ?? '—';

const digits = (figure: number): string => figure.toFixed(3);
