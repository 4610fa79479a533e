import { useRef } from 'preact/hooks';
import { key, setKey } from '../api/key';
import { type Role, role } from '../api/settings';
import { type ShellWord, t } from './words';

const ROLES: Record<Role, ShellWord> = { public: 'public', worker: 'worker', dispatcher: 'dispatcher', planner: 'plannerRole', admin: 'admin' };

/** Signing in by a key, and out again. Everything is asked for anew then, so the page is loaded again. */
export function SignIn() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isIn = key() !== null;
  return (
    <>
      <button type="button" id="account" class={isIn ? 'quiet' : 'small'} onClick={() => dialog.current?.showModal()}>
        {isIn ? t(ROLES[role()]) : t('signIn')}
      </button>
      <dialog ref={dialog} aria-labelledby="account-title" id="account-dialog">
        <form method="dialog" onSubmit={(event) => submit(event)}>
          <h2 id="account-title">{isIn ? t('signedIn', t(ROLES[role()])) : t('signIn')}</h2>
          <p class="soft">{t('keyExplained')}</p>
          <label for="key">{t('key')}</label>
          <input id="key" name="key" type="password" autocomplete="off" spellcheck={false} required />
          <label class="check"><input type="checkbox" name="device" /> {t('keepOnDevice')}</label>
          <div class="row end">
            {isIn && <button type="button" class="quiet" id="sign-out" onClick={() => void change(null, false)}>{t('signOut')}</button>}
            <button type="button" class="quiet" onClick={() => dialog.current?.close()}>{t('cancel')}</button>
            <button type="submit">{t('signIn')}</button>
          </div>
        </form>
      </dialog>
    </>
  );
}

function submit(event: SubmitEvent): void {
  event.preventDefault();
  const form = new FormData(event.target as HTMLFormElement);
  void change(String(form.get('key') ?? '').trim(), form.get('device') !== null);
}

/** What was kept for offline was the other's, so it goes. */
async function change(to: string | null, isForDevice: boolean): Promise<void> {
  setKey(to || null, isForDevice);
  await import('../parts/kept').then(({ forgetAll }) => forgetAll()).catch(() => undefined);
  await globalThis.caches?.delete('gridkeeper-ground');
  location.reload();
}
