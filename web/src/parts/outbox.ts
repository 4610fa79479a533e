// Sends what was written while there was no network, in its order, once there is one.
import { address } from '../api/address';
import { Refusal, postJson } from '../api/client';
import { type Waiting, addWaiting, changeWaiting, readWaiting, removeWaiting } from './kept';

/** How often it is tried while something waits, milliseconds. */
const TRY_MS = 20_000;

let isSending = false;

/** Sends something now, or keeps it for later. Says whether it was sent. What the service refuses is thrown. */
export async function sendOrKeep(path: string, body: unknown, said: string): Promise<boolean> {
  const one: Waiting = { path, body, token: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, said, at: Date.now() };
  try {
    await send(one);
    return true;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    await addWaiting(one);
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
      try {
        await send(one);
        await removeWaiting(one.id as number);
        onSent();
      } catch (error) {
        if (!(error instanceof Refusal)) return;
        await changeWaiting({ ...one, refusal: error.message });
      }
    }
  } finally {
    isSending = false;
  }
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

function send({ path, body, token }: Waiting): Promise<unknown> {
  return postJson(address(path), body, { 'Idempotency-Key': token });
}
