import { setTimeout as sleep } from 'node:timers/promises';

/** Looks five times a second until something is there; what `look` throws at the end is part of the message. */
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
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s${trouble ? `; ${String(trouble)}` : ''}`);
    await sleep(200);
  }
}

/** Something that is waited for until somebody opens it. */
export function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((settle) => {
    open = settle;
  });
  return { opened, open };
}
