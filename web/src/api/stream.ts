// Listens to what happens to cases. The browser's own listener cannot show a key, so the stream is read here.
import { createParser } from 'eventsource-parser';
import { address } from './address';
import { headers } from './key';

export interface Happening {
  /** What happened: the effect of the action. */
  effect: string;
  /** The case. */
  id: string;
  state: string;
}

export type Line = 'connecting' | 'live' | 'lost';

/** First and longest wait before it is tried again, milliseconds. */
const WAIT_MS = 1_000;
const WAIT_MS_MAX = 30_000;

/** Listens until it is stopped. Where the line breaks it goes on after the last event that came, so nothing is missed. */
export function listen(onEvent: (event: Happening) => void, onLine: (line: Line) => void): () => void {
  const stopped = new AbortController();
  void run(stopped.signal, onEvent, onLine);
  return () => stopped.abort();
}

async function run(signal: AbortSignal, onEvent: (event: Happening) => void, onLine: (line: Line) => void): Promise<void> {
  let last: string | null = null;
  let wait = WAIT_MS;
  while (!signal.aborted) {
    onLine('connecting');
    const from: Record<string, string> = last === null ? {} : { 'Last-Event-ID': last };
    try {
      const response = await fetch(address('v1/stream'), { headers: { Accept: 'text/event-stream', ...headers(), ...from }, signal });
      if (!response.ok || !response.body) throw new Error(`${response.status}`);
      onLine('live');
      wait = WAIT_MS;
      const parser = createParser({
        onEvent: ({ id, event, data }) => {
          last = id ?? last;
          onEvent({ ...(JSON.parse(data) as Happening), effect: event ?? '' });
        },
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value);
    } catch {
      // Told by the state of the line.
    }
    if (signal.aborted) return;
    onLine('lost');
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, WAIT_MS_MAX);
  }
}
