// The border in plain words: what lies on which side, and for how long.
import { metres } from '../../i18n/figures';
import { mine } from './mine';
import { direction, t } from './words';

export function Border() {
  const units = mine.value?.units ?? [];
  if (units.length === 0) return null;
  return (
    <section id="border" aria-labelledby="border-title">
      <h2 id="border-title">{t('roundAbout')}</h2>
      {units.map(({ code, name, neighbours }) => (
        <div key={code}>
          <h3>{name || code}</h3>
          <ul class="plain">{neighbours.map((side) => <li key={side.code}>{t('sideWith', direction(side.direction), side.name || side.code, metres(side.border_m))}</li>)}</ul>
        </div>
      ))}
    </section>
  );
}
