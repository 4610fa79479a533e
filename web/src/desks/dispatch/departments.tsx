// The departments, onto which a case is dragged to be dispatched or passed on. Without a mouse the same stands among the case's actions.
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { act, type Case } from '../../cases/act';
import { type Department, departmentsAt } from '../../cases/departments';
import { ActionForm } from '../../cases/move/form';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { put } from './cases';
import { choices, names } from './filter';
import { t } from './words';

/** The case that is being dragged. */
export const dragged = signal<Case | null>(null);

/** The move by which a case comes to a department, of those that are open: it is dispatched, or passed on. */
function moveTo(one: Case): 'dispatch' | 'transfer' | null {
  const open = one.actions.map(({ action }) => action);
  return open.includes('dispatch') ? 'dispatch' : open.includes('transfer') ? 'transfer' : null;
}

export function Departments() {
  const passing = useSignal<{ one: Case; to: { id: string; name: string; role: string } } | null>(null);
  const trouble = useSignal<string | null>(null);
  const over = useSignal<string | null>(null);
  const atPlace = useSignal<Department[]>([]);
  const busy = choices.value.departments;
  const idle = dragged.value ? atPlace.value.filter(({ id }) => !busy.has(id)).map(({ id, name }) => [id, { name, count: 0 }] as const) : [];
  const known = [...busy, ...idle];
  useEffect(() => {
    [trouble.value, atPlace.value] = [null, []];
    // Those that answer at the place of the case may have it too, also where they have none yet. They stand behind the others, so that nothing moves under the pointer.
    const one = dragged.value;
    if (one && moveTo(one)) departmentsAt(one.position).then((found) => (atPlace.value = found), () => undefined);
  }, [dragged.value]);

  const drop = async (id: string, name: string): Promise<void> => {
    const one = dragged.value;
    over.value = null;
    if (!one) return;
    const move = moveTo(one);
    if (move === null) return void (trouble.value = t('noMove'));
    // Passing on needs a reason, so it is asked for.
    if (move === 'transfer') return void (passing.value = { one, to: { id, name, role: 'lead' } });
    try {
      put(await act(one, { action: move, departments: [{ id, name, role: 'lead' }] }));
    } catch (error) {
      trouble.value = explain(error);
    }
  };

  const transfer = passing.value?.one.actions.find(({ action }) => action === 'transfer');
  return (
    <section class="departments-strip" aria-label={t('departments')}>
      <p class="hint">{t('dropHere')}</p>
      {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
      <ul class="plain" tabIndex={0} aria-label={t('departments')}>
        {known.map(([id, { name, count }]) => (
          <li
            key={id}
            data-department={id}
            class={over.value === id ? 'over' : ''}
            onDragOver={(event) => [event.preventDefault(), (over.value = id)]}
            onDragLeave={() => (over.value = null)}
            onDrop={(event) => [event.preventDefault(), void drop(id, name)]}
          >
            {name} <span class="soft">{count}</span>
          </li>
        ))}
      </ul>
      {passing.value && transfer && <ActionForm one={passing.value.one} action={transfer} given={{ departments: [passing.value.to] }} departments={names.value} onDone={(fresh) => [fresh && put(fresh), (passing.value = null)]} />}
    </section>
  );
}
