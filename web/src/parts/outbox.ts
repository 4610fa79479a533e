// Sends what was written while there was no network, in its order, once there is one.
import { address } from '../api/address';
import { Refusal, postJson, postPhoto } from '../api/client';
import { type Waiting, addWaiting, changeWaiting, readWaiting, removeWaiting } from './kept';

/** How often it is tried while something waits, milliseconds. */
const TRY_MS = 20_000;

let isSending = false;

/**
 * Sends something now, or keeps it for later. Says whether all of it was sent. What the service refuses is thrown.
 *
 * Photos go to the case that comes of it, one after another. What is refused of them waits with the reason, as the rest was taken.
 */
export async function sendOrKeep(path: string, body: unknown, said: string, photos: Blob[] = []): Promise<boolean> {
  return sendNow({ path, body, photos, token: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, said, at: Date.now() });
}

/** Adds a photo to a case now, or keeps it for later. */
export async function sendPhotoOrKeep(id: string, photo: Blob, said: string): Promise<boolean> {
  return sendNow({ path: '', case: id, photos: [photo], token: '', said, at: Date.now() });
}

async function sendNow(one: Waiting): Promise<boolean> {
  let left = one;
  try {
    await send(one, async (after) => void (left = after));
    return true;
  } catch (error) {
    const refused = refusalOf(error);
    // Nothing of it was taken: its writer is still there to be told.
    if (refused && left === one) throw error;
    await addWaiting(refused ? { ...left, refusal: refused.message } : left);
    return false;
  }
}

/** Sends all that waits. What is refused stays, with the reason, for its writer to decide. */
export async function sendWaiting(onSent: () => void = () => undefined): Promise<void> {
  if (isSending) return;
  isSending = true;
  try {
    for (const one of await readWaiting()) {
      if (one.refusal) continue;
      let left = one;
      try {
        await send(one, async (after) => {
          left = after;
          await changeWaiting(after);
        });
        await removeWaiting(one.id as number);
        onSent();
      } catch (error) {
        const refused = refusalOf(error);
        if (!refused) return;
        await changeWaiting({ ...left, refusal: refused.message });
      }
    }
  } finally {
    isSending = false;
  }
}

/** A refusal for good. A service that is busy or away is asked again later. */
function refusalOf(error: unknown): Refusal | null {
  return error instanceof Refusal && error.status < 500 && error.status !== 429 ? error : null;
}

/** Sends what waits now, when the network is back, and now and then. */
export function keepSending(onSent: () => void): () => void {
  const attempt = (): void => void sendWaiting(onSent);
  attempt();
  addEventListener('online', attempt);
  const timer = setInterval(attempt, TRY_MS);
  return () => {
    removeEventListener('online', attempt);
    clearInterval(timer);
  };
}

/** Sends step by step, and tells what is left after each, so that no step is made twice. A step that was made and not told of is known again by the service: a report by its token, a photo by its bytes. */
async function send(one: Waiting, onLeft: (left: Waiting) => Promise<void>): Promise<void> {
  let left = one;
  if (left.case === undefined) {
    const taken = await postJson<{ id: string }>(address(left.path), left.body, { 'Idempotency-Key': left.token });
    if (!left.photos?.length) return;
    left = { ...left, case: taken.id };
    await onLeft(left);
  }
  for (let [photo, ...rest] = left.photos ?? []; photo; [photo, ...rest] = rest) {
    await postPhoto(address(`v1/incidents/${left.case}/photos`), photo);
    left = { ...left, photos: rest };
    await onLeft(left);
  }
}
