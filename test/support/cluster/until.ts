import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `look` five times a second until it returns something. On timeout, the message includes its last error. */
export async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let trouble: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      trouble = error;
    }
    if (Date.now() > end) throw new Error(`timeout after ${seconds} s: ${what}${trouble ? `; ${String(trouble)}` : ''}`);
    await sleep(200);
  }
}

/** A latch: waiters continue once it is opened. */
export function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((settle) => {
    open = settle;
  });
  return { opened, open };
}
