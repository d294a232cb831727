import type { ChatAnswer, Todo, TodoChange } from "@/lib/types";

/** What went wrong, as far as the person in front of the screen can do something about it. */
export type FailureKind = "session" | "unavailable" | "rejected";

export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    readonly kind: FailureKind,
    message: string,
  ) {
    super(message);
  }
}

const UNAVAILABLE = "The todo service cannot be reached right now. Your list is safe; try again in a moment.";

function kindOf(status: number): FailureKind {
  if (status === 401) return "session";
  return status >= 500 ? "unavailable" : "rejected";
}

/** Reads the message of an error answer: Better Auth says `message`, the backend `detail`. */
async function messageOf(response: Response): Promise<string | undefined> {
  try {
    const body = (await response.json()) as { message?: unknown; detail?: unknown };
    if (typeof body.message === "string") return body.message;
    if (typeof body.detail === "string") return body.detail;
    const first: unknown = Array.isArray(body.detail) ? body.detail[0] : undefined;
    if (first && typeof first === "object" && "msg" in first && typeof first.msg === "string") return first.msg;
  } catch {
    // Not JSON: the status alone has to do.
  }
  return undefined;
}

async function call<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? undefined : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError("unavailable", "There is no connection to the server.");
  }
  if (!response.ok) {
    const kind = kindOf(response.status);
    const message = await messageOf(response);
    throw new ApiError(kind, kind === "unavailable" ? UNAVAILABLE : (message ?? "That did not work."));
  }
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

const BACKEND = "/api/backend";
const one = (id: Todo["id"]) => `${BACKEND}/todos/${encodeURIComponent(id)}`;

export const todosApi = {
  list: () => call<Todo[]>(`${BACKEND}/todos`),
  add: (title: string, description?: string) => call<Todo>(`${BACKEND}/todos`, "POST", { title, description }),
  change: (id: Todo["id"], change: TodoChange) => call<Todo>(one(id), "PATCH", change),
  remove: (id: Todo["id"]) => call<void>(one(id), "DELETE"),
};

export const chatApi = {
  send: (message: string, conversationId?: ChatAnswer["conversation_id"]) =>
    call<ChatAnswer>(`${BACKEND}/chat`, "POST", { message, conversation_id: conversationId }),
};

const AUTH = "/api/auth";

export const authApi = {
  signIn: (email: string, password: string) => call<unknown>(`${AUTH}/sign-in/email`, "POST", { email, password }),
  signUp: (name: string, email: string, password: string) =>
    call<unknown>(`${AUTH}/sign-up/email`, "POST", { name, email, password }),
  signOut: () => call<unknown>(`${AUTH}/sign-out`, "POST", {}),
};

/** The text to show for anything thrown by the functions above. */
export function failureText(error: unknown): string {
  return error instanceof Error ? error.message : "That did not work.";
}

export function isSessionEnded(error: unknown): boolean {
  return error instanceof ApiError && error.kind === "session";
}
