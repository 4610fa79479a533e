import { useSignal } from '@preact/signals';
import { crsNames } from '../../parts/crs';
import { parseQuery } from './query';
import { ask, askCode, askName, refuse } from './state';
import { t } from './words';

/** The line in which everything that can be looked up is typed. */
export function Search() {
  const typed = useSignal('');
  const crs = useSignal('');
  const submit = (event: Event): void => {
    event.preventDefault();
    const system = crs.value.trim();
    const query = parseQuery(typed.value, /^EPSG:(?!4326$|4490$|4258$)/i.test(system));
    if (query.kind === 'position') void ask({ lon: query.lon, lat: query.lat, crs: system, note: query.swapped ? () => t('swapped') : null, moves: true });
    else if (query.kind === 'code') void askCode(query.code);
    else if (query.kind === 'name') void askName(query.name);
    else refuse(query.kind === 'projected' ? 'projected' : 'nothingTyped');
  };
  // Down goes into what was found.
  const intoList = (event: KeyboardEvent): void => {
    const first = event.key === 'ArrowDown' && document.querySelector<HTMLElement>('#answer .choice');
    if (!first) return;
    event.preventDefault();
    first.focus();
  };
  return (
    <form id="search" role="search" autocomplete="off" onSubmit={submit}>
      <label for="query">{t('search')}</label>
      <div class="row">
        <input id="query" type="text" enterkeyhint="search" spellcheck={false} aria-describedby="hint" value={typed} onInput={(event) => (typed.value = event.currentTarget.value)} onKeyDown={intoList} />
        <button type="submit">{t('find')}</button>
      </div>
      <div class="row narrow">
        <label for="crs">{t('crs')}</label>
        <input id="crs" type="text" list="crs-names" placeholder="WGS 84" spellcheck={false} value={crs} onInput={(event) => (crs.value = event.currentTarget.value)} />
        <datalist id="crs-names">{crsNames().map(([value, name]) => <option key={value} value={value}>{name}</option>)}</datalist>
      </div>
      <p id="hint" class="hint">{t('hint')}</p>
    </form>
  );
}
