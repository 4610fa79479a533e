// By which category, and as of which boundaries, is answered.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Schema, answered, client } from '../../api/client';
import { finest } from '../../api/settings';
import { day } from '../../i18n/figures';
import { askAgain, category, generation } from './state';
import { t } from './words';

export function Terms() {
  const categories = useSignal<Schema['CategoryView'][]>([]);
  const generations = useSignal<Schema['LinkedGeneration'][]>([]);
  const layer = finest()?.layer;
  useEffect(() => {
    answered(client.GET('/v1/categories')).then((list) => (categories.value = list.categories), () => undefined);
    if (layer) answered(client.GET('/v1/generations', { params: { query: { layer } } })).then((list) => (generations.value = list.generations.filter(isShown)), () => undefined);
  }, [layer]);
  return (
    <fieldset class="terms">
      {categories.value.length > 0 && <CategoryChoice categories={categories.value} />}
      {generations.value.length > 1 && <Slider generations={generations.value} />}
    </fieldset>
  );
}

function isShown({ state }: Schema['LinkedGeneration']): boolean {
  return state === 'past' || state === 'current' || state === 'future' || state === 'draft';
}

function CategoryChoice({ categories }: { categories: Schema['CategoryView'][] }) {
  const change = (code: string): void => {
    category.value = code;
    void askAgain();
  };
  return (
    <div class="row narrow">
      <label for="category">{t('category')}</label>
      <select id="category" class="grow" value={category} onChange={(event) => change(event.currentTarget.value)}>
        <option value="">{t('noCategory')}</option>
        {categories.map(({ code, name }) => <option key={code} value={code}>{code} {name}</option>)}
      </select>
    </div>
  );
}

function Slider({ generations }: { generations: Schema['LinkedGeneration'][] }) {
  const inEffect = generations.findIndex(({ state }) => state === 'current');
  const chosen = generations.findIndex((one) => one.generation === generation.value);
  const at = chosen < 0 ? inEffect : chosen;
  const said = (one: Schema['LinkedGeneration'] | undefined): string =>
    one ? `${t('generation', one.generation)} · ${t(one.state as 'past' | 'current' | 'future' | 'draft')}${one.effective_from ? ` · ${t('from', day(one.effective_from))}` : ''}` : t('inEffect');
  const change = (to: number): void => {
    generation.value = to === inEffect ? null : (generations[to]?.generation ?? null);
    void askAgain();
  };
  return (
    <div class="slider">
      <label for="as-of">{t('asOf')}</label>
      <input id="as-of" type="range" min={0} max={generations.length - 1} step={1} value={at} aria-valuetext={said(generations[at])} onChange={(event) => change(Number(event.currentTarget.value))} />
      <output for="as-of">{said(generations[at])}{generations[at]?.note && <span class="aside">{generations[at]?.note}</span>}</output>
    </div>
  );
}
