/**
 * What happens, as server-sent events.
 * @module
 */
import type { Director } from '../director.js';
import type { EventRing } from '../event-ring.js';
import type { Route } from '../route.js';

/** Milliseconds between two signs of life: a reader that is gone is found out by them. */
const HEARTBEAT = 15_000;

export const EVENT_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/events',
    id: 'events',
    role: 'reader',
    help:
      'What happens from now on, or since Last-Event-ID, as server-sent events: the events of keep and of health checks. An ' +
      'event "gap" says how many are missing (lost; null: not known)',
    answers: { 200: { help: 'events', type: 'text/event-stream' } },
    handle(director, { headers, signal }) {
      const last = headers['last-event-id'];
      return {
        type: 'text/event-stream',
        headers: { 'Cache-Control': 'no-store' },
        text: stream(director, typeof last === 'string' ? last : undefined, signal),
      };
    },
  },
];

async function* stream({ events }: Director, last: string | undefined, signal: AbortSignal): AsyncGenerator<string> {
  const after = last === undefined ? events.end : events.placeAfter(last);
  // The id of another run: what came between is not known, and this run is told from its beginning.
  let place = after ?? 1;
  yield after === undefined ? events.gap({ lost: null }) : ': ipvs-ts\n\n';
  while (!signal.aborted) {
    const { frames, next } = framesAt(events, place);
    if (frames !== '') {
      place = next;
      yield frames;
    } else if (!(await comes(events, signal))) yield ': alive\n\n';
  }
}

/** Characters that are written at a time. */
const PIECE = 65_536;

/** What is there from a place on, as much as is written at a time. Many small writes would cost more than what they carry. */
function framesAt(events: EventRing, place: number): { readonly frames: string; readonly next: number } {
  let [frames, next] = ['', place];
  for (let reading = events.read(next); reading !== undefined; reading = events.read(next)) {
    frames += reading.frame;
    next = reading.next;
    if (frames.length >= PIECE) break;
  }
  return { frames, next };
}

/** Whether something has come, or the reader is gone, before it is time for a sign of life. */
function comes(events: EventRing, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (come: boolean) => {
      clearTimeout(timer);
      forget();
      signal.removeEventListener('abort', wake);
      resolve(come);
    };
    const wake = () => end(true);
    const timer = setTimeout(() => end(false), HEARTBEAT);
    const forget = events.listen(wake);
    signal.addEventListener('abort', wake);
  });
}
