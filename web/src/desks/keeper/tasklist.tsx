// The tasks in walking order, and what can be done about each, with a network or without.
import { useSignal } from '@preact/signals';
import { categoryName } from '../../cases/categories';
import type { Action, Case } from '../../cases/act';
import { ActionForm } from '../../cases/move/form';
import { PhotoInput } from '../../cases/photos/picker';
import { titleOf } from '../../cases/title';
import { count, fromNow, listed, metres } from '../../i18n/figures';
import { distanceM } from '../../map/distance';
import { goTo } from '../../map/frame';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { now } from '../../parts/now';
import { sendOrKeep, sendPhotoOrKeep } from '../../parts/outbox';
import { loadMine, mine, tasks } from './mine';
import { t } from './words';

export function TaskList() {
  if (!mine.value) return null;
  const list = tasks();
  const walk = list.reduce((sum, { leg_m }) => sum + (leg_m ?? 0), 0);
  return (
    <section id="tasks" aria-labelledby="tasks-title">
      <h2 id="tasks-title">{t('tasks')} {walk > 0 && <span class="soft">{t('walk', metres(walk))}</span>}</h2>
      {list.length === 0 && <p class="soft">{t('noTasks')}</p>}
      <ol class="plain walk">{list.map((task, at) => <TaskItem key={task.id} task={task} number={at + 1} beside={besideOf(list, at)} />)}</ol>
    </section>
  );
}

/** Tasks nearer to each other than this are at one place, metres: a position is hardly known better. */
const ONE_PLACE_M = 5;

/** The numbers of the others at the place of a task. */
function besideOf(list: ReturnType<typeof tasks>, at: number): number[] {
  const place = list[at]?.position;
  return list.flatMap(({ position }, other) => (place && other !== at && distanceM(place, position) < ONE_PLACE_M ? [other + 1] : []));
}

function TaskItem({ task, number, beside }: { task: ReturnType<typeof tasks>[number]; number: number; beside: number[] }) {
  const chosen = useSignal<string | null>(null);
  const wasChanged = useSignal(false);
  const action = task.actions.find((one) => one.action === chosen.value);
  const send = async (one: Pick<Case, 'id' | 'version'>, said: Action): Promise<null> => {
    await sendOrKeep(`v1/incidents/${one.id}/actions`, said, `${titleOf(said.action)} · ${task.description}`);
    void loadMine();
    return null;
  };
  const done = (_: Case | null, isOld = false): void => {
    [chosen.value, wasChanged.value] = [null, isOld];
    // Somebody was quicker, so the list is another by now.
    if (isOld) void loadMine();
  };
  const photo = useSignal<{ kind: 'done' | 'warning' | 'error'; said: () => string } | null>(null);
  const add = async (picture: Blob): Promise<void> => {
    try {
      const isSent = await sendPhotoOrKeep(task.id, picture, t('photoOf', task.description));
      photo.value = isSent ? { kind: 'done', said: () => t('photoSent') } : { kind: 'warning', said: () => t('keptForLater') };
    } catch (error) {
      photo.value = { kind: 'error', said: () => explain(error) ?? '' };
    }
  };
  return (
    <li class={task.overdue ? 'late' : ''} data-task={task.id}>
      <button type="button" class="choice" onClick={() => goTo([task.position.lon, task.position.lat], 16)}>
        <span class="number">{number}</span> <strong>{categoryName(task.category)}</strong> <span class="badge">{titleOf(task.state, task.title)}</span>{(task.kind === 'look' || task.kind === 'task') && <span class="badge kind">{t(task.kind)}</span>}{task.overdue && <span class="badge bad">{t('late')}</span>}
        <span class="aside">{task.leg_m !== null && `${t('leg', metres(task.leg_m))} · `}{task.due_at && `${fromNow(task.due_at, now.value)} · `}{task.description}</span>
        {beside.length > 0 && <span class="aside">{t('samePlace', listed(beside.map(count)))}</span>}
      </button>
      <div class="chips">
        {task.actions.map(({ action, title }) => <button key={action} type="button" class="plainly" data-action={action} aria-expanded={chosen.value === action} onClick={() => (chosen.value = chosen.value === action ? null : action)}>{titleOf(action, title)}</button>)}
        <PhotoInput onPhoto={add} />
      </div>
      {photo.value && <Notice kind={photo.value.kind}>{photo.value.said()}</Notice>}
      {wasChanged.value && <Notice kind="warning">{t('changed')}</Notice>}
      {action && <ActionForm one={task} action={action} send={send} onDone={done} />}
    </li>
  );
}
