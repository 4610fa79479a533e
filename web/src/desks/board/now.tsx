import { count } from '../../i18n/figures';
import { link } from '../../shell/route';
import { alarms } from './data';
import { t } from './words';

/** What is wrong now: units without a keeper, keepers with too much, cases that are late. */
export function Now() {
  const list = alarms.value;
  if (!list) return null;
  return (
    <section class="tile" aria-labelledby="now-title" id="now">
      <h2 id="now-title">{t('now')}</h2>
      <p class="big-figure">{t('overdue', count(list.overdue?.count ?? 0))}</p>
      <details>
        <summary>{t('vacant', count(list.vacant?.count ?? 0))}</summary>
        <ul class="plain">{list.vacant?.alarms.map((one) => <li key={one.grid}><a href={link('lookup', { find: one.grid })}>{one.name || one.grid}</a> <span class="soft">{one.grid}</span></li>)}</ul>
      </details>
      <details>
        <summary>{t('overload', count(list.overload?.count ?? 0))}</summary>
        <ul class="plain">{list.overload?.alarms.map((one) => <li key={one.worker}>{one.worker} <span class="soft">{t('openCases', count(one.open), one.max)}</span></li>)}</ul>
      </details>
    </section>
  );
}
