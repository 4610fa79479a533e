// Photos that are taken or chosen for a case, made small, and shown before they are sent.
import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Notice } from '../../parts/notice';
import { shrink } from '../../parts/shrink';
import { t } from './words';

/** Photos that go with one report; a case may have more, which are added to it later. */
const CHOSEN_MAX = 3;

export function PhotoPicker({ photos }: { photos: Signal<Blob[]> }) {
  return (
    <div class="photo-picker">
      {photos.value.length > 0 && (
        <ul class="plain photos">
          {photos.value.map((photo, at) => (
            <li key={at}>
              <Thumbnail photo={photo} name={t('chosen', at + 1)} />
              <button type="button" class="quiet" onClick={() => (photos.value = photos.value.filter((other) => other !== photo))}>{t('leaveOut', at + 1)}</button>
            </li>
          ))}
        </ul>
      )}
      {photos.value.length < CHOSEN_MAX && <PhotoInput onPhoto={(photo) => void (photos.value = [...photos.value, photo])} />}
    </div>
  );
}

/** A button that takes one photo, by the camera where there is one. */
export function PhotoInput({ onPhoto }: { onPhoto: (photo: Blob) => void | Promise<void> }) {
  const isBusy = useSignal(false);
  const isWrong = useSignal(false);
  const choose = async (input: HTMLInputElement): Promise<void> => {
    const file = input.files?.[0];
    // So that the same one can be chosen again.
    const clear = (): void => void (input.value = '');
    if (!file) return clear();
    [isBusy.value, isWrong.value] = [true, false];
    try {
      const photo = await shrink(file).catch(() => null);
      if (photo) await onPhoto(photo);
      else isWrong.value = true;
    } finally {
      isBusy.value = false;
      clear();
    }
  };
  return (
    <>
      <label class="fake-button plain-button">{t('take')}
        <input class="unseen" name="photo" type="file" accept="image/*" capture="environment" disabled={isBusy} onChange={(event) => void choose(event.currentTarget)} />
      </label>
      {isWrong.value && <Notice kind="error">{t('unreadable')}</Notice>}
    </>
  );
}

function Thumbnail({ photo, name }: { photo: Blob; name: string }) {
  const address = useSignal('');
  useEffect(() => {
    const made = URL.createObjectURL(photo);
    address.value = made;
    return () => URL.revokeObjectURL(made);
  }, [photo]);
  return address.value ? <img src={address.value} alt={name} /> : null;
}
