import { useSignal } from '@preact/signals';
import type { Position } from 'geojson';
import { type Schema, answered, client } from '../../api/client';
import { metres } from '../../i18n/figures';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { whereAmI } from '../../parts/position';
import { Press } from '../../parts/press';
import { amInside } from './inside';
import { mine, where } from './mine';
import { tellPosition } from './own';
import { direction, t } from './words';

/** What is said: by the service where it knows whose grid it is and there is a network, else as it is reckoned on the phone. */
interface Verdict {
  inside: boolean | null;
  distance_m: number;
  direction: string | null;
  /** The unit that one stands in. */
  unit: string | null;
  /** Who answers where one stands. */
  holder: Schema['Inside']['holder'];
}

export function AmInside() {
  const answer = useSignal<Verdict | null>(null);
  const trouble = useSignal<(() => string) | null>(null);
  const isLooking = useSignal(false);
  const ask = async (): Promise<void> => {
    [isLooking.value, trouble.value, answer.value] = [true, null, null];
    const found = await whereAmI();
    if (found) where.value = found.at;
    // Where the telephone says nothing, what was tapped on the map counts.
    const at = found?.at ?? where.value;
    try {
      if (!at) trouble.value = () => t('noPosition');
      else answer.value = await judge(at, found?.accuracyM ?? null);
      if (found) void tellPosition(mine.value?.me ?? null, found.at);
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    } finally {
      isLooking.value = false;
    }
  };
  const now = answer.value;
  const verdict = now && (now.inside === null ? 'isDoubt' : now.inside ? 'isInside' : 'isOutside');
  return (
    <section class="inside">
      <Press class="big" id="am-inside" isOff={isLooking.value} onClick={() => void ask()}>{isLooking.value ? t('looking') : t('inside')}</Press>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      {now && verdict && (
        <div class={`verdict ${verdict}`} role="status">
          <strong>{t(verdict)}</strong>
          <span>{now.inside === false && now.direction ? t('wayHome', direction(now.direction), metres(now.distance_m)) : t('toBorder', metres(now.distance_m))}</span>
          {now.unit && <span>{now.inside === true ? now.unit : t('standsIn', now.unit)}</span>}
          {now.holder && now.inside !== true && <span>{t('answersHere', now.holder.name)} {now.holder.phone && <a class="phone" href={`tel:${now.holder.phone.replace(/[^\d+]/g, '')}`}>{now.holder.phone}</a>}</span>}
        </div>
      )}
    </section>
  );
}

async function judge(at: Position, accuracyM: number | null): Promise<Verdict | null> {
  const [lon = 0, lat = 0] = at;
  if (mine.value?.me) {
    try {
      const told = await answered(client.GET('/v1/me/inside', { params: { query: { lon, lat, ...(accuracyM !== null && { accuracy_m: accuracyM }) } } }));
      return { inside: told.inside ?? null, distance_m: told.distance_to_border_m ?? 0, direction: told.direction ?? null, unit: told.unit?.name || (told.unit?.code ?? null), holder: told.holder ?? null };
    } catch (error) {
      // Without a network it is reckoned here.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  const reckoned = amInside(at, accuracyM, mine.value?.units ?? []);
  return reckoned && { ...reckoned, unit: reckoned.unit && (reckoned.unit.name || reckoned.unit.code), holder: null };
}
