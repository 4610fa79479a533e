// One move of a case, with what the workflow wants said with it.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Refusal, type Schema } from '../../api/client';
import { usePick } from '../../map/pick';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { Press } from '../../parts/press';
import { act, type Action, type Case, findCase } from '../act';
import { categories } from '../categories';
import { type Department, departmentsAt } from '../departments';
import { titleOf } from '../title';
import { t } from './words';

/** What of a case a move needs to know. */
export type Movable = Pick<Case, 'id' | 'version' | 'category' | 'position'> & { tasks: readonly { department: string; name: string }[] };

interface Props {
  one: Movable;
  action: Schema['ActionView'];
  /** What is known already. */
  given?: Partial<Action>;
  /** Departments that may be meant beside those of the place and the case, by id. */
  departments?: ReadonlyMap<string, string>;
  /** Makes the move; by default it is sent at once. */
  send?: (one: Pick<Case, 'id' | 'version'>, action: Action) => Promise<Case | null>;
  /** The case as it is then, null where it was given up; and whether somebody else had moved it on, so that nothing was done. */
  onDone: (fresh: Case | null, wasChanged?: boolean) => void;
}

export function ActionForm({ one, action, given = {}, departments, send = act, onDone }: Props) {
  const said = useSignal<Partial<Action> & { place?: string }>(given);
  const trouble = useSignal<(() => string) | null>(null);
  const isBusy = useSignal(false);
  const needs = new Set(action.needs);
  // A reason may be given with any move, a person with those that name one.
  const fields = [...new Set([...action.needs, 'reason'])].filter((need) => need !== 'published' || needs.has(need));
  const set = (change: typeof said.value): void => void (said.value = { ...said.value, ...change });

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    isBusy.value = true;
    try {
      onDone(await send(one, { action: action.action, ...spoken(said.value, needs) }));
    } catch (error) {
      // Somebody was quicker: what stands on the screen is old.
      if (error instanceof Refusal && (error.status === 412 || error.status === 409)) {
        const fresh = await findCase(one.id).catch(() => null);
        if (fresh && fresh.version !== one.version) return onDone(fresh, true);
        trouble.value = () => explain(error) ?? '';
      } else trouble.value = () => explain(error) ?? '';
    } finally {
      isBusy.value = false;
    }
  };

  return (
    <form class="action-form" onSubmit={(event) => void submit(event)} aria-label={titleOf(action.action, action.title)}>
      <h3>{titleOf(action.action, action.title)}</h3>
      {fields.map((field) => <Field key={field} field={field} one={one} action={action.action} isNeeded={needs.has(field)} departments={departments} said={said.value} set={set} />)}
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      <p class="row end">
        <button type="button" class="quiet" onClick={() => onDone(null)}>{t('cancel')}</button>
        <Press type="submit" isOff={isBusy.value}>{t('confirm')}</Press>
      </p>
    </form>
  );
}

/** What is sent: texts without what was left empty, and a place as numbers. */
function spoken({ place, ...said }: Partial<Action> & { place?: string }, needs: Set<string>): Partial<Action> {
  const kept = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== '' && value !== undefined)) as Partial<Action>;
  if (needs.has('place') && place) {
    const [lon, lat] = place.split(/[,，\s]+/).map(Number);
    Object.assign(kept, { lon, lat });
  }
  if (needs.has('published')) kept.published = said.published ?? false;
  return kept;
}

interface FieldProps {
  field: string;
  one: Movable;
  departments: ReadonlyMap<string, string> | undefined;
  action: string;
  isNeeded: boolean;
  said: Partial<Action> & { place?: string };
  set: (change: Partial<Action> & { place?: string }) => void;
}

function Field({ field, one, departments, action, isNeeded, said, set }: FieldProps) {
  const optional = isNeeded ? '' : ` ${t('optional')}`;
  switch (field) {
    case 'reason': return <label>{t('reason')}{optional}<textarea name="reason" required={isNeeded} value={said.reason ?? ''} onInput={(event) => set({ reason: event.currentTarget.value })} /></label>;
    case 'condition': return <Condition one={one} isClosing={action === 'close'} value={said.condition ?? ''} onChange={(condition) => set({ condition })} />;
    case 'department': return <DepartmentChoice one={one} action={action} others={departments} said={said} set={set} />;
    case 'worker': return <label>{t('worker')}<input name="worker" required={isNeeded} value={said.worker ?? ''} onInput={(event) => set({ worker: event.currentTarget.value.trim() })} /></label>;
    case 'limit': return <label>{t('limit')}<input name="limit" required placeholder={t('limitExample')} value={said.limit ?? ''} onInput={(event) => set({ limit: event.currentTarget.value.trim() })} /></label>;
    case 'category': return (
      <label>{t('category')}
        <select name="category" required value={said.category ?? ''} onChange={(event) => set({ category: event.currentTarget.value })}>
          <option value="" />
          {categories.value.map(({ code, name }) => <option key={code} value={code}>{code} {name}</option>)}
        </select>
      </label>
    );
    case 'rating': return <label>{t('rating')}<input name="rating" type="number" min={1} max={5} required value={said.rating ?? ''} onInput={(event) => set({ rating: Number(event.currentTarget.value) })} /></label>;
    case 'published': return <label class="check"><input name="published" type="checkbox" checked={said.published ?? false} onChange={(event) => set({ published: event.currentTarget.checked })} /> {t('published')}</label>;
    case 'place': return <Place value={said.place ?? ''} onChange={(place) => set({ place })} />;
    default: return null;
  }
}

function Condition({ one, isClosing, value, onChange }: { one: Movable; isClosing: boolean; value: string; onChange: (value: string) => void }) {
  const category = categories.value.find(({ code }) => code === one.category.split(':')[0]);
  // One condition may have a row for each zone.
  const conditions = [...new Map(category?.conditions.map((condition) => [condition.condition, condition])).values()];
  return (
    <label>{t('condition')}
      {conditions.length > 0 ? (
        <select name="condition" required value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          <option value="" />
          {conditions.map((one) => <option key={one.condition} value={one.condition}>{isClosing ? one.closing_condition : one.filing_condition}</option>)}
        </select>
      ) : <input name="condition" required value={value} onInput={(event) => onChange(event.currentTarget.value)} />}
    </label>
  );
}

/** The departments that may be meant: those with a task for a move of a task, those that answer here or have cases for others. */
function DepartmentChoice({ one, action, others, said, set }: { one: Movable; action: string; others: ReadonlyMap<string, string> | undefined; said: Partial<Action>; set: (change: Partial<Action>) => void }) {
  // A move that hands on names who gets a task; others name whose task they are about.
  const handsOn = action === 'dispatch' || action === 'link' || action === 'transfer';
  const atPlace = useSignal<Department[]>([]);
  useEffect(() => void departmentsAt(one.position).then((found) => (atPlace.value = found), () => undefined), [one.id]);
  const known = new Map<string, string>();
  if (!handsOn) for (const task of one.tasks) known.set(task.department, task.name);
  else {
    for (const { id, name } of atPlace.value) known.set(id, name);
    for (const [id, name] of others ?? []) known.set(id, name);
  }
  const choose = (id: string): void => set(handsOn ? { departments: [{ id, name: known.get(id) ?? id, role: action === 'link' ? 'co' : 'lead' }] } : { department: id });
  return (
    <label>{t('department')}
      <select name="department" required value={(handsOn ? said.departments?.[0]?.id : said.department) ?? ''} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="" />
        {[...known].map(([id, name]) => <option key={id} value={id}>{name}</option>)}
      </select>
    </label>
  );
}

function Place({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  usePick((lon, lat) => onChange(`${lon.toFixed(6)}, ${lat.toFixed(6)}`));
  return <label>{t('newPlace')}<input name="place" required value={value} onInput={(event) => onChange(event.currentTarget.value)} /></label>;
}
