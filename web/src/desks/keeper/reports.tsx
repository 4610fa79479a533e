// What a keeper reports on the round.
import { useSignal } from '@preact/signals';
import { ReportForm } from '../../cases/report/form';
import { Notice } from '../../parts/notice';
import { sendOrKeep } from '../../parts/outbox';
import { loadMine } from './mine';
import { t } from './words';

export function Reports() {
  const open = useSignal(false);
  const done = useSignal<'sent' | 'keptForLater' | null>(null);
  const finish = (isSent: boolean): void => {
    [open.value, done.value] = [false, isSent ? 'sent' : 'keptForLater'];
    void loadMine();
  };
  return (
    <section class="reports">
      <button type="button" class="big plainly" id="report" aria-expanded={open.value} onClick={() => [(open.value = !open.value), (done.value = null)]}>{t('report')}</button>
      {done.value && <Notice kind={done.value === 'sent' ? 'done' : 'warning'}>{t(done.value)}</Notice>}
      {open.value && (
        <ReportForm source="collector" withPhotos send={(body, said, photos) => sendOrKeep('v1/incidents', body, said, photos)} onSent={finish} onCancel={() => (open.value = false)} />
      )}
    </section>
  );
}
