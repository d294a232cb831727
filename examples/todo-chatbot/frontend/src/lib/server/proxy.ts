import { getAuth } from "./auth";
import { readEnv } from "./env";
import { log, reason } from "./log";
import { ensureMigrated, forgetMigration } from "./migrate";

/** What the browser may reach; everything else of the backend stays inside the cluster. */
const ALLOWED = new Set(["todos", "chat", "conversations"]);
const MAX_BODY_BYTES = 64 * 1024;
const TIMEOUT_MS = 15_000;
/** A language model may think for a while; the backend gives up after a minute and then says so itself. */
const CHAT_TIMEOUT_MS = 70_000;

function problem(status: number, code: string, detail: string): Response {
  return Response.json({ code, detail }, { status, headers: { "Cache-Control": "no-store" } });
}

/** Builds the backend's address from the path segments, or null when they are not allowed. */
export function backendTarget(segments: string[], search: string, backendUrl: string): URL | null {
  const [first] = segments;
  if (!first || !ALLOWED.has(first)) return null;
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) return null;
  return new URL(`${backendUrl}/api/${segments.map(encodeURIComponent).join("/")}${search}`);
}

/**
 * A token for the session of this request, or null when there is none.
 *
 * @throws what the database throws when it cannot be asked.
 */
async function tokenFor(request: Request): Promise<string | null> {
  await ensureMigrated();
  // As a response: the class of a thrown error differs between the bundles, its status does not.
  const answer = await getAuth().api.getToken({ headers: request.headers, asResponse: true });
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(`token request answered ${answer.status}`);
  const { token } = (await answer.json()) as { token: string };
  return token;
}

async function send(request: Request, target: URL, token: string, body: string | undefined): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}`, Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(target, {
    method: request.method,
    headers,
    body,
    cache: "no-store",
    redirect: "manual",
    signal: AbortSignal.timeout(target.pathname.endsWith("/chat") ? CHAT_TIMEOUT_MS : TIMEOUT_MS),
  });
  if (answer.status === 401) {
    // The session is fine, the services disagree about the token: asking the user to sign in again would not help.
    log("error", "backend.token_refused", { path: target.pathname });
    return problem(502, "token_refused", "The todo service did not accept this application's token.");
  }
  const text = answer.status === 204 ? null : await answer.text();
  return new Response(text, {
    status: answer.status,
    headers: { "Content-Type": answer.headers.get("Content-Type") ?? "application/json", "Cache-Control": "no-store" },
  });
}

/**
 * Forwards one request to the backend as the signed-in user.
 *
 * Answers 404 for a path that is not offered, 403 for a request from another site, 401 without a session, 413 for a
 * body over 64 KiB, 503 when the session cannot be looked up and 502 when the backend cannot be reached.
 */
export async function forward(request: Request, segments: string[]): Promise<Response> {
  const target = backendTarget(segments, new URL(request.url).search, readEnv().backendUrl);
  if (!target) return problem(404, "not_found", "There is nothing here.");
  if (request.headers.get("Sec-Fetch-Site") === "cross-site") {
    return problem(403, "cross_site", "Requests from other sites are refused.");
  }

  let token: string | null;
  try {
    token = await tokenFor(request);
  } catch (error) {
    forgetMigration();
    log("error", "session.lookup_failed", { reason: reason(error) });
    return problem(503, "database_unavailable", "Your session cannot be checked right now.");
  }
  if (!token) return problem(401, "no_session", "Sign in to continue.");

  const body = request.method === "GET" ? undefined : (await request.text()) || undefined;
  if (body && Buffer.byteLength(body) > MAX_BODY_BYTES) return problem(413, "too_large", "The request is too large.");

  try {
    return await send(request, target, token, body);
  } catch (error) {
    log("error", "backend.unreachable", { path: target.pathname, reason: reason(error) });
    return problem(502, "backend_unavailable", "The todo service cannot be reached right now.");
  }
}
