// What waits on the telephone to be sent, and what was not taken.
import { Notice } from '../../parts/notice';
import { interpret } from '../../parts/explain';
import { changeWaiting, removeWaiting, waiting } from '../../parts/kept';
import { sendWaiting } from '../../parts/outbox';
import { loadMine } from './mine';
import { t } from './words';

export function Outbox() {
  if (waiting.value.length === 0) return null;
  return (
    <section id="outbox">
      <Notice kind="warning">{t('outbox', waiting.value.length)}</Notice>
      <ul class="plain">
        {waiting.value.map((one) => (
          <li key={one.id}>
            {one.said}{one.photos && one.photos.length > 0 && one.case === undefined && ` · ${t('photosWait', one.photos.length)}`}
            {one.refusal && (
              <>
                <span class="aside">{t('refused', interpret(one.refusal) ?? one.refusal)}</span>
                <button type="button" class="quiet" onClick={() => void again(one)}>{t('again')}</button>
                <button type="button" class="quiet" onClick={() => void removeWaiting(one.id as number)}>{t('discard')}</button>
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

async function again({ refusal: _, ...one }: (typeof waiting.value)[number]): Promise<void> {
  await changeWaiting(one);
  await sendWaiting(() => void loadMine());
}
