import { count } from '../../i18n/figures';
import type { Indicators } from './data';
import { fraction, nameOf, shown, valueOf } from './figures';
import { t } from './words';

export function Ranking({ found, chosen }: { found: Indicators; chosen: string }) {
  // Cases that belong to nobody are counted too.
  const nobody = t(found.by === 'worker' ? 'noWorker' : found.by === 'department' ? 'noDepartment' : 'noUnit');
  const indicator = found.indicators.find(({ code }) => code === chosen);
  return (
    <section class="tile" aria-labelledby="ranking-title" id="ranking">
      <h2 id="ranking-title">{t('ranking')}</h2>
      <div class="scrolls" tabIndex={0} role="group" aria-labelledby="ranking-title">
        <table>
          <thead><tr><th scope="col" class="figure">{t('rank')}</th><th scope="col">{t('name')}</th><th scope="col" class="figure">{t('reports')}</th><th scope="col" class="figure">{t('score')}</th><th scope="col" class="figure">{nameOf(indicator)}</th><th scope="col" class="figure">{t('fraction')}</th></tr></thead>
          <tbody>
            {found.groups.map((group) => (
              <tr key={group.group ?? ''}>
                <td class="figure">{group.rank ?? '—'}</td><td>{group.name || (group.group ?? nobody)}</td><td class="figure">{count(group.reports)}</td>
                <td class="figure">{group.score?.toFixed(3) ?? '—'}</td><td class="figure">{shown(valueOf(group, chosen))}</td><td class="figure">{fraction(valueOf(group, chosen))}</td>
              </tr>
            ))}
          </tbody>
          <tfoot><tr><td /><td>{t('total')}</td><td class="figure">{count(found.total.reports)}</td><td class="figure">{found.total.score?.toFixed(3) ?? '—'}</td><td class="figure">{shown(valueOf(found.total, chosen))}</td><td class="figure">{fraction(valueOf(found.total, chosen))}</td></tr></tfoot>
        </table>
      </div>
    </section>
  );
}
