import { getAuth } from "@/lib/server/auth";
import { log, reason } from "@/lib/server/log";
import { ensureMigrated, forgetMigration } from "@/lib/server/migrate";

async function handle(request: Request): Promise<Response> {
  try {
    await ensureMigrated();
  } catch (error) {
    log("error", "auth.database_unavailable", { reason: reason(error) });
    return Response.json(
      { code: "database_unavailable", message: "Accounts are not available right now." },
      { status: 503, headers: { "Retry-After": "2" } },
    );
  }
  const answer = await getAuth().handler(request);
  if (answer.status >= 500) forgetMigration();
  return answer;
}

export { handle as GET, handle as POST };
