import type { ComponentChildren } from 'preact';
import { categoryName } from '../../cases/categories';
import { titleOf } from '../../cases/title';
import { map } from '../../map/view';
import { type Filter, choices, filter } from './filter';
import { t } from './words';

export function FilterBar() {
  const { states, categories, departments } = choices.value;
  const set = (change: Partial<Filter>): void => void (filter.value = { ...filter.value, ...change });
  const wanted = filter.value;
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <Choice name="state" label={t('state')} value={wanted.state} onChange={(state) => set({ state })}>
        {[...states].map(([state, count]) => <option key={state} value={state}>{titleOf(state)} ({count})</option>)}
      </Choice>
      <Choice name="department" label={t('department')} value={wanted.department} onChange={(department) => set({ department })}>
        {[...departments].map(([id, { name, count }]) => <option key={id} value={id}>{name} ({count})</option>)}
      </Choice>
      <Choice name="category" label={t('category')} value={wanted.category} onChange={(category) => set({ category })}>
        {[...categories].map(([code, count]) => <option key={code} value={code}>{categoryName(code)} ({count})</option>)}
      </Choice>
      <label>{t('grid')}<input id="filter-grid" value={wanted.grid} inputMode="numeric" onInput={(event) => set({ grid: event.currentTarget.value.trim() })} /></label>
      <label>{t('order')}
        <select id="filter-order" value={wanted.order} onChange={(event) => set({ order: event.currentTarget.value as 'due' | 'new' })}>
          <option value="due">{t('byDue')}</option>
          <option value="new">{t('byNew')}</option>
        </select>
      </label>
      <label class="check"><input type="checkbox" id="filter-late" checked={wanted.onlyLate} onChange={(event) => set({ onlyLate: event.currentTarget.checked })} /> {t('onlyLate')}</label>
      <label class="check">
        <input type="checkbox" id="filter-view" checked={wanted.bounds !== null} onChange={(event) => set({ bounds: event.currentTarget.checked ? ((map.peek()?.getBounds().toArray().flat() ?? null) as Filter['bounds']) : null })} /> {t('inView')}
      </label>
    </form>
  );
}

function Choice({ name, label, value, onChange, children }: { name: string; label: string; value: string; onChange: (value: string) => void; children: ComponentChildren }) {
  return (
    <label>{label}
      <select id={`filter-${name}`} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{t('any')}</option>
        {children}
      </select>
    </label>
  );
}
