// The desk at which cases are dispatched: what is open, live, on a list and on the map.
import './desk.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { loadCategories } from '../../cases/categories';
import { ReportForm } from '../../cases/report/form';
import { Notice } from '../../parts/notice';
import { count } from '../../i18n/figures';
import { Alarms } from './alarms';
import { cases, follow, isLoading, line, open, put, trouble } from './cases';
import { findCase } from '../../cases/act';
import { Departments } from './departments';
import { Detail } from './detail';
import { FilterBar } from './filterbar';
import { listed } from './filter';
import { CaseList } from './list';
import { chosen, go } from './open';
import { useCasesOnMap } from './overlay';
import { RulingList } from './rulinglist';
import { t } from './words';

export default function DispatchDesk() {
  const isReporting = useSignal(false);
  useEffect(() => {
    void loadCategories();
    return follow();
  }, []);
  useCasesOnMap();
  const taken = async (id: string): Promise<void> => {
    put(await findCase(id));
    isReporting.value = false;
    go(id);
  };
  return (
    <div class="dispatch">
      <header class="head">
        <h1>{t('title')}</h1>
        <span class={`line ${line.value}`} role="status">{t(line.value)}</span>
        <button type="button" class="plainly" id="new-case" aria-expanded={isReporting.value} onClick={() => (isReporting.value = !isReporting.value)}>{t('newCase')}</button>
      </header>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      {isReporting.value && <ReportForm source="hotline" withReporter onTaken={(id) => void taken(id)} onCancel={() => (isReporting.value = false)} />}
      {chosen.value ? <Detail id={chosen.value} /> : !isReporting.value && (
        <>
          <Alarms />
          <RulingList />
          <FilterBar />
          <p class="soft counts" role="status" id="case-count">{isLoading.value ? t('loadingCases', count(cases.value.size)) : t('shown', count(listed.value.length), count(open.value.length))}</p>
          <CaseList />
          <Departments />
        </>
      )}
    </div>
  );
}
