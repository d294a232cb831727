import { headers } from "next/headers";
import { getAuth } from "./auth";
import { log, reason } from "./log";
import { ensureMigrated, forgetMigration } from "./migrate";

export interface Viewer {
  id: string;
  name: string;
  email: string;
}

export type ViewerState = { kind: "signed-in"; viewer: Viewer } | { kind: "signed-out" } | { kind: "unavailable" };

/** Who is looking at the page. A database that is down is an answer of its own, not an exception. */
export async function currentViewer(): Promise<ViewerState> {
  const requestHeaders = await headers();
  try {
    await ensureMigrated();
    const session = await getAuth().api.getSession({ headers: requestHeaders });
    if (!session) return { kind: "signed-out" };
    const { id, name, email } = session.user;
    return { kind: "signed-in", viewer: { id, name, email } };
  } catch (error) {
    forgetMigration();
    log("error", "session.lookup_failed", { reason: reason(error) });
    return { kind: "unavailable" };
  }
}
