// What staff costs, and which money pays for it.
import { locale } from '../../i18n/language';
import { sayKnown } from '../../i18n/words';
import { count } from '../../i18n/figures';
import { Notice } from '../../parts/notice';
import { costs } from './data';
import { t, words } from './words';

const money = (amount: number | null | undefined): string => (amount === null || amount === undefined ? '—' : amount.toLocaleString(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }));

export function Costs() {
  const found = costs.value;
  return (
    <section class="tile" aria-labelledby="costs-title" id="costs">
      <h2 id="costs-title">{t('costs')}</h2>
      {!found && <p class="soft">{t('notShown')}</p>}
      {found && found.units.every(({ cost }) => cost === 0) && <Notice kind="info">{t('noCosts')}</Notice>}
      {found && (
        <div class="scrolls" tabIndex={0} role="group" aria-labelledby="costs-title">
          <table>
            <thead><tr><th scope="col">{t('unit')}</th><th scope="col" class="figure">{t('months')}</th><th scope="col" class="figure">{t('unpriced')}</th><th scope="col" class="figure">{t('cost')}</th><th scope="col" class="figure">{t('perHandled')}</th><th scope="col" class="figure">{t('uncovered')}</th></tr></thead>
            <tbody>
              {found.units.map((unit) => (
                <tr key={unit.unit}><td>{unit.unit ? unit.name || unit.unit : t('total')}</td><td class="figure">{count(Math.round(unit.months * 10) / 10)}</td><td class="figure">{count(Math.round(unit.unpriced_months * 10) / 10)}</td><td class="figure">{unit.cost === 0 && unit.unpriced_months > 0 ? '—' : money(unit.cost)}</td><td class="figure">{money(unit.cost_per_handled)}</td><td class="figure">{money(unit.uncovered)}</td></tr>
              ))}
            </tbody>
          </table>
          {found.sources.length > 0 && (
            <table>
              <thead><tr><th scope="col">{t('source')}</th><th scope="col">{t('kind')}</th><th scope="col" class="figure">{t('available')}</th><th scope="col" class="figure">{t('covered')}</th></tr></thead>
              <tbody>{found.sources.map((one) => <tr key={`${one.source}${one.kind}`}><td>{one.source}</td><td>{sayKnown(words, one.kind, one.kind)}</td><td class="figure">{money(one.available)}</td><td class="figure">{money(one.covered)}</td></tr>)}</tbody>
            </table>
          )}
        </div>
      )}
    </section>
  );
}
