import { useSignal } from '@preact/signals';
import { metres } from '../../i18n/figures';
import { Notice } from '../../parts/notice';
import { whereAmI } from '../../parts/position';
import { type Inside, amInside } from './inside';
import { mine, where } from './mine';
import { direction, t } from './words';

export function AmInside() {
  const answer = useSignal<Inside | null>(null);
  const trouble = useSignal<(() => string) | null>(null);
  const isLooking = useSignal(false);
  const ask = async (): Promise<void> => {
    [isLooking.value, trouble.value] = [true, null];
    const found = await whereAmI();
    if (found) where.value = found.at;
    isLooking.value = false;
    // Where the telephone says nothing, what was tapped on the map counts.
    const at = found?.at ?? where.value;
    if (!at) return void (trouble.value = () => t('noPosition'));
    answer.value = amInside(at, found?.accuracyM ?? null, mine.value?.units ?? []);
  };
  const now = answer.value;
  const verdict = now && (now.inside === null ? 'isDoubt' : now.inside ? 'isInside' : 'isOutside');
  return (
    <section class="inside">
      <button type="button" class="big" id="am-inside" disabled={isLooking} onClick={() => void ask()}>{isLooking.value ? t('looking') : t('inside')}</button>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      {now && verdict && (
        <div class={`verdict ${verdict}`} role="status">
          <strong>{t(verdict)}</strong>
          <span>{now.inside === false && now.direction ? t('wayHome', direction(now.direction), metres(now.distance_m)) : t('toBorder', metres(now.distance_m))}</span>
          {now.unit && <span>{now.unit.name || now.unit.code}</span>}
        </div>
      )}
    </section>
  );
}
