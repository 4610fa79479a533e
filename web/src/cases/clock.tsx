// A clock of a case or of a task: how long it still has, or since when it is late.
import type { Schema } from '../api/client';
import { fromNow, moment } from '../i18n/figures';
import { limitName } from '../parts/limit';
import { now } from '../parts/now';
import { t } from './words';

const STAGES = { dispatch: 'stageDispatch', handle: 'stageHandle', check: 'stageCheck', total: 'stageTotal' } as const;

export function Clock({ clock }: { clock: Schema['ClockView'] }) {
  const { due_at: due, stopped_at: stopped, late } = clock;
  const isLate = late || (!!due && !stopped && Date.parse(due) < now.value);
  const said = stopped ? t('stopped', moment(stopped)) : due ? t(isLate ? 'late' : 'due', fromNow(due, now.value)) : clock.limit ? t('stands') : t('noLimit');
  return (
    <span class={`clock ${isLate ? 'late' : stopped ? 'stopped' : ''}`} title={due ? moment(due) : undefined}>
      {stageName(clock.stage)} {clock.limit && limitName(clock.limit)} · {said}
    </span>
  );
}

function stageName(stage: string): string {
  return stage in STAGES ? t(STAGES[stage as keyof typeof STAGES]) : stage;
}
