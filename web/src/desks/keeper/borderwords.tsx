// The border in plain words: what lies on which side, for how long, and who answers there.
import { metres } from '../../i18n/figures';
import { mine } from './mine';
import { type Neighbour, rimOf } from './neighbours';
import { direction, t } from './words';

export function Border() {
  const units = mine.value?.units ?? [];
  if (units.length === 0) return null;
  return (
    <section id="border" aria-labelledby="border-title">
      <h2 id="border-title">{t('roundAbout')}</h2>
      {units.map(({ code, name, feature, neighbours }) => {
        const rim = rimOf(feature, neighbours);
        return (
          <div key={code}>
            <h3>{name || code}</h3>
            <ul class="plain">
              {neighbours.map((side) => <li key={side.code}>{t('sideWith', direction(side.direction), side.name || side.code, metres(side.border_m))}<Holder of={side} /></li>)}
              {rim > 0 && <li>{t('rim', metres(rim))}</li>}
            </ul>
          </div>
        );
      })}
    </section>
  );
}

function Holder({ of: { holder } }: { of: Neighbour }) {
  if (!holder) return null;
  return <span class="aside">{holder.name} {holder.phone && <a class="phone" href={`tel:${holder.phone.replace(/[^\d+]/g, '')}`}>{holder.phone}</a>}</span>;
}
