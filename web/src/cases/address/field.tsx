// Where something is, said by an address: what it may mean is listed, and one is chosen.
import { useSignal } from '@preact/signals';
import { useId, useRef } from 'preact/hooks';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { step } from '../../parts/steps';
import { Candidates } from './candidates';
import { type Candidate, findAddresses } from './find';
import { t } from './words';

interface Props {
  onPlace: (lon: number, lat: number, text: string) => void;
}

/** Stands in a form of its own or another's, so that Enter looks for the address and sends nothing. */
export function AddressField({ onPlace }: Props) {
  const typed = useSignal('');
  const found = useSignal<readonly Candidate[]>([]);
  const said = useSignal<{ kind: 'info' | 'error' | 'done'; say: () => string } | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  const take = (one: Candidate): void => {
    [typed.value, found.value, said.value] = [one.text, [], { kind: 'done', say: () => t('taken', one.text) }];
    onPlace(one.position.lon, one.position.lat, one.text);
  };

  const look = async (): Promise<void> => {
    const q = typed.value.trim();
    [found.value, said.value] = [[], null];
    if (q === '') return;
    try {
      const { certain, candidates, geocoder_error: error } = await findAddresses(q);
      const [first] = candidates;
      if (certain && first) return take(first);
      found.value = candidates;
      said.value = candidates.length > 0 ? { kind: 'info', say: () => t('choose', candidates.length) } : { kind: 'info', say: () => (error ? t('geocoder', error) : t('none')) };
      requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('button.choice')?.focus());
    } catch (error) {
      said.value = { kind: 'error', say: () => explain(error) ?? '' };
    }
  };

  const enter = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    void look();
  };

  return (
    <div class="address" ref={list}>
      <label for={id}>{t('address')}</label>
      <div class="row narrow">
        <input id={id} name="address" class="grow" autocomplete="off" maxLength={200} value={typed} onInput={(event) => (typed.value = event.currentTarget.value)} onKeyDown={enter} />
        <button type="button" class="plainly" onClick={() => void look()}>{t('find')}</button>
      </div>
      {said.value && <Notice kind={said.value.kind}>{said.value.say()}</Notice>}
      {found.value.length > 0 && <div onKeyDown={step}><Candidates found={found.value} onChoose={take} /></div>}
    </div>
  );
}
