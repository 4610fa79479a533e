// How even and how compact the draft is, after each stroke.
import { count, metres } from '../../i18n/figures';
import { levelName } from '../../shell/words';
import { draft, said } from './draft';
import { COLOURS, colour } from './overlay';
import { Notice } from '../../parts/notice';
import { t } from './words';

export function Said() {
  return <div id="said" aria-live="polite">{said.value && <Notice kind={said.value.kind}>{said.value.say()}</Notice>}</div>;
}

export function MetricsTable() {
  const metrics = draft.value?.metrics;
  if (!metrics) return null;
  const { begun, ended, reshaped, reassigned } = metrics.changed;
  return (
    <section aria-labelledby="metrics-title" id="metrics">
      <h2 id="metrics-title">{t('metrics')}</h2>
      <div class="scrolls" tabIndex={0} role="group" aria-labelledby="metrics-title">
        <table>
          <thead><tr><th scope="col">{t('level')}</th><th scope="col" class="figure">{t('units')}</th><th scope="col" class="figure">{t('maxOverMean')}</th><th scope="col" class="figure">{t('meanLoad')}</th><th scope="col" class="figure">{t('compactness')}</th><th scope="col" class="figure">{t('inPieces')}</th><th scope="col" class="figure">{t('borderLength')}</th><th scope="col" class="figure">{t('locked')}</th></tr></thead>
          <tbody>
            {metrics.levels.map((one) => (
              <tr key={one.level}><td>{levelName(one.level)}</td><td class="figure">{count(one.units)}</td><td class="figure">{one.load?.max_over_mean.toFixed(2) ?? '—'}</td><td class="figure">{one.load ? count(Math.round(one.load.mean)) : '—'}</td><td class="figure">{one.polsby_popper.toFixed(2)}</td><td class="figure">{count(one.in_pieces)}</td><td class="figure">{metres(one.border_m)}</td><td class="figure">{count(one.locked)}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="soft" id="changed">{t('againstBase', begun, ended, reshaped, reassigned)}</p>
    </section>
  );
}

export function Legend() {
  return (
    <p class="row legend-row">
      <label for="colour">{t('colour')}</label>
      <select id="colour" value={colour} onChange={(event) => (colour.value = event.currentTarget.value as 'unit' | 'parent')}>
        <option value="unit">{t('byUnit')}</option>
        <option value="parent">{t('byParent')}</option>
      </select>
      <span class="soft">{t('low')}</span>
      <svg class="ramp" viewBox="0 0 50 10" aria-hidden="true">{COLOURS.map((fill, at) => <rect key={fill} x={at * 10} width="10" height="10" fill={fill} />)}</svg>
      <span class="soft">{t('high')}</span>
    </p>
  );
}
