import type { Todo } from "@/lib/types";

interface Call {
  method: string;
  path: string;
  body: unknown;
}

type Answer = { status?: number; body?: unknown } | Error;
type Handler = (call: Call) => Answer | Promise<Answer>;

/** Replaces `fetch` by a handler and keeps what was asked. jsdom brings no fetch of its own. */
export function fakeFetch(handler: Handler): Call[] {
  const calls: Call[] = [];
  globalThis.fetch = (async (path: string, init?: RequestInit) => {
    const call = { method: init?.method ?? "GET", path, body: init?.body ? JSON.parse(String(init.body)) : undefined };
    calls.push(call);
    const answer = await handler(call);
    if (answer instanceof Error) throw answer;
    const status = answer.status ?? 200;
    return { ok: status < 400, status, json: async () => answer.body };
  }) as unknown as typeof fetch;
  return calls;
}

export function todo(id: number, title: string, more: Partial<Todo> = {}): Todo {
  return { id, title, description: null, completed: false, ...more };
}

/** A promise that the test settles itself. */
export function later<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
