import { percent } from '../../i18n/figures';
import type { Candidate } from './find';
import { t } from './words';

/** The places that an address may mean, the likest first. */
export function Candidates({ found, onChoose }: { found: readonly Candidate[]; onChoose: (one: Candidate) => void }) {
  return (
    <ul class="plain matches candidates">
      {found.map((one, at) => (
        <li key={at}>
          <button type="button" class="choice" onClick={() => onChoose(one)}>
            <strong>{one.text}</strong> {one.kind && <span class="badge">{t(one.kind as 'zone' | 'street' | 'plate' | 'poi')}</span>}
            <span class="aside">{one.exact ? t('exact') : one.score != null && t('alike', percent(Math.min(1, one.score)))}{one.source === 'geocoder' && ` · ${t('outside')}`}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
