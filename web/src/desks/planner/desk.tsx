// The planner's desk: boundaries are redrawn in a draft, by moves that the service takes or refuses, so that nothing can tear.
import './desk.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { address } from '../../api/address';
import { getJson, postJson } from '../../api/client';
import { authorName } from '../../cases/author';
import { count, moment } from '../../i18n/figures';
import { version } from '../../map/view';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { link, route } from '../../shell/route';
import { Balance } from './balance';
import { BorderReports } from './borderreports';
import { type Draft, closeDraft, draft, loaded, openDraft } from './draft';
import { Legend, MetricsTable, Said } from './metrics';
import { useDraftOnMap } from './overlay';
import { Approval, ComparisonList, ProblemList } from './review';
import { StaffingTable } from './staffing';
import { Tools } from './tools';
import { t } from './words';

const STATES = { open: 'stateOpen', approved: 'stateApproved', published: 'statePublished', withdrawn: 'stateWithdrawn' } as const;

export default function PlannerDesk() {
  const id = route.value.query.get('draft');
  return (
    <div class="planner">
      <h1>{t('title')}</h1>
      {id ? <Editor id={id} /> : <Drafts />}
    </div>
  );
}

function Drafts() {
  const list = useSignal<Draft[] | null>(null);
  const hasMore = useSignal(false);
  const trouble = useSignal<string | null>(null);
  const read = async (): Promise<void> => {
    const after = list.value?.at(-1)?.id;
    try {
      const page = await getJson<{ drafts: Draft[]; has_more: boolean }>(address(`v1/drafts${after ? `?after=${after}` : ''}`));
      [list.value, hasMore.value] = [[...(list.value ?? []), ...page.drafts], page.has_more];
    } catch (error) {
      trouble.value = explain(error);
    }
  };
  useEffect(() => void read(), []);
  const create = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const [title, load] = [String(form.get('title')).trim(), String(form.get('load')).trim()];
    try {
      const made = await postJson<Draft>(address('v1/drafts'), { title, ...(load && { load_field: load }) });
      location.hash = link('planner', { draft: made.id });
    } catch (error) {
      trouble.value = explain(error);
    }
  };
  return (
    <>
      {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
      <form class="action-form" id="new-draft" onSubmit={(event) => void create(event)}>
        <h2>{t('newDraft')}</h2>
        <label>{t('name')}<input name="title" required maxLength={200} /></label>
        <label>{t('loadField')}<input name="load" /></label>
        <p class="row end"><button type="submit">{t('create')}</button></p>
      </form>
      <BorderReports />
      <h2>{t('drafts')}</h2>
      {list.value?.length === 0 && <p class="soft">{t('noDrafts')}</p>}
      <ul class="plain" id="drafts">
        {list.value?.map((one) => <li key={one.id}><a href={link('planner', { draft: one.id })}>{one.title || one.id}</a> <span class="badge">{t(STATES[one.state])}</span> <span class="aside">{authorName(one.author)} · {moment(one.created_at)} · {t('revision', one.revision)}</span></li>)}
      </ul>
      {hasMore.value && <p class="row end"><button type="button" class="quiet" id="more-drafts" onClick={() => void read()}>{t('olderDrafts')}</button></p>}
    </>
  );
}

/** How many units of the finest level a draft has. */
function unitsOf(open: Draft): number {
  return open.levels.find(({ is_finest }) => is_finest)?.units ?? 0;
}

function Editor({ id }: { id: string }) {
  useEffect(() => {
    void openDraft(id);
    return () => {
      closeDraft();
      version.value = '';
    };
  }, [id]);
  useDraftOnMap();
  const open = draft.value;
  return (
    <>
      <p><a href={link('planner')}>← {t('back')}</a></p>
      {open && <p id="draft-head"><strong>{open.title || open.id}</strong> <span class="badge">{t(STATES[open.state])}</span> <span class="soft">{t('revision', open.revision)} · {t('basedOn', open.base.generation)}</span></p>}
      {open && loaded.value !== null && <p class="soft" role="status" id="loading-units">{t('loading', count(loaded.value), count(unitsOf(open)))}</p>}
      <Said />
      {open && (
        <>
          <Tools />
          <Legend />
          <MetricsTable />
          <StaffingTable />
          <Balance />
          <BorderReports />
          <ProblemList />
          <ComparisonList />
          <Approval />
        </>
      )}
    </>
  );
}
