import { language } from '../../i18n/language';
import type { Indicators as Found } from './data';
import { fraction, nameOf, shown, valueOf } from './figures';
import { t } from './words';

/** Every indicator with its value, what it is made of, and its formula. Choosing one ranks and draws it. */
export function Indicators({ found, chosen, onChoose }: { found: Found; chosen: string; onChoose: (code: string) => void }) {
  return (
    <section class="tile" aria-labelledby="indicators-title" id="indicators">
      <h2 id="indicators-title">{t('indicators')}</h2>
      <div class="scrolls" tabIndex={0} role="group" aria-labelledby="indicators-title">
        <table>
          <thead><tr><th scope="col">{t('indicators')}</th><th scope="col" class="figure">{t('value')}</th><th scope="col" class="figure">{t('fraction')}</th><th scope="col">{t('formula')}</th></tr></thead>
          <tbody>
            {found.indicators.map((indicator) => (
              <tr key={indicator.code} class={indicator.code === chosen ? 'chosen' : ''}>
                <td><button type="button" class="code" aria-pressed={indicator.code === chosen} onClick={() => onChoose(indicator.code)}>{nameOf(indicator)}</button></td>
                <td class="figure">{shown(valueOf(found.total, indicator.code))}</td>
                <td class="figure">{fraction(valueOf(found.total, indicator.code))}</td>
                <td class="soft">{language.value === 'zh' ? indicator.formula_zh : indicator.formula}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
