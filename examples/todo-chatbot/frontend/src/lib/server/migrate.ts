import { getMigrations } from "better-auth/db/migration";
import { getAuth } from "./auth";
import { getPool } from "./database";
import { log, reason } from "./log";

/** Any constant works; it only has to be the same in every replica of this service. */
const MIGRATION_LOCK = 7_406_151_001;
const RETRY_MS = 2_000;

const holder = globalThis as typeof globalThis & { todoMigration?: Promise<void>; todoMigrated?: boolean };

/**
 * Brings Better Auth's tables up to date. Safe to run in several replicas at once: an advisory lock lets one work
 * while the others wait and then find nothing to do.
 */
export async function migrate(): Promise<void> {
  const client = await getPool().connect();
  let failure: Error | undefined;
  try {
    await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    const plan = await getMigrations(getAuth().options);
    await plan.runMigrations();
    await client.query("SELECT pg_advisory_unlock($1)", [MIGRATION_LOCK]);
    log("info", "database.migrated", { created: plan.toBeCreated.map((change) => change.table) });
  } catch (error) {
    failure = error instanceof Error ? error : new Error("migration failed");
    throw failure;
  } finally {
    // A connection that failed half-way may still hold the lock: closing it gives the lock back.
    client.release(failure);
  }
}

/**
 * Resolves once the tables are there; callers that come together share one attempt, and a failed one is not remembered.
 *
 * @throws the database's error when it cannot be reached.
 */
export function ensureMigrated(): Promise<void> {
  if (holder.todoMigrated) return Promise.resolve();
  holder.todoMigration ??= migrate()
    .then(() => {
      holder.todoMigrated = true;
    })
    .finally(() => {
      holder.todoMigration = undefined;
    });
  return holder.todoMigration;
}

/** Looks at the tables again before the next request: after a failure the database may have come back without them. */
export function forgetMigration(): void {
  holder.todoMigrated = false;
}

/** Tries until the database answers, so that the order in which the services start does not matter. */
export async function migrateInBackground(): Promise<void> {
  for (let attempt = 1; !holder.todoMigrated; attempt += 1) {
    try {
      await ensureMigrated();
    } catch (error) {
      if (attempt === 1 || attempt % 15 === 0) log("warn", "database.waiting", { attempt, reason: reason(error) });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
    }
  }
}
