import { categoryName } from '../../cases/categories';
import type { Case } from '../../cases/act';
import { titleOf } from '../../cases/title';
import { fromNow } from '../../i18n/figures';
import { now } from '../../parts/now';
import { VirtualList } from '../../parts/virtual';
import { touched } from './cases';
import { dragged } from './departments';
import { isLate, listed } from './filter';
import { go } from './open';
import { t } from './words';

const ROW_PX = 62;

export function CaseList() {
  return (
    <VirtualList items={listed.value} keyOf={(one) => one.id} height={ROW_PX} label={t('list')}>
      {(one) => <Row one={one} />}
    </VirtualList>
  );
}

function Row({ one }: { one: Case }) {
  const isOver = isLate(one, now.value);
  return (
    <button
      type="button"
      class={`case-row ${isOver ? 'late' : ''} ${touched.value === one.id ? 'touched' : ''}`}
      data-case={one.id}
      draggable
      onDragStart={(event) => {
        event.dataTransfer?.setData('text/plain', one.id);
        dragged.value = one;
      }}
      onDragEnd={() => (dragged.value = null)}
      onClick={() => go(one.id)}
    >
      <span class="first"><strong>{categoryName(one.category)}</strong> <span class="badge">{titleOf(one.state, one.title)}</span>{isOver && <span class="badge bad">{t('late')}</span>}{one.supervised && <span class="badge">{t('supervised')}</span>}
        <span class="when">{one.due_at ? fromNow(one.due_at, now.value) : one.suspended_since ? t('suspended') : ''}</span>
      </span>
      <span class="second">{one.grid ?? '—'} · {one.description}</span>
    </button>
  );
}
