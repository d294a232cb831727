import { Pool } from "pg";
import { readEnv } from "./env";
import { log, reason } from "./log";

// Instrumentation and routes are bundled apart from each other; the global object is what they share.
const holder = globalThis as typeof globalThis & { todoPool?: Pool };

/**
 * Makes `sslmode` mean what it means to libpq and so to the Python services: `require` encrypts without asking for
 * a certificate authority, `verify-full` checks it. Without this, node-postgres reads `require` as `verify-full`.
 */
export function connectionString(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  if (url.searchParams.has("sslmode")) url.searchParams.set("uselibpqcompat", "true");
  return url.toString();
}

function createPool(): Pool {
  const pool = new Pool({
    connectionString: connectionString(readEnv().databaseUrl),
    max: 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: "todo-frontend",
  });
  // An idle connection that breaks raises this event; without a listener it would end the process.
  pool.on("error", (error) => log("warn", "database.connection_lost", { reason: reason(error) }));
  return pool;
}

/** The connection pool of this process, made on first use. */
export function getPool(): Pool {
  holder.todoPool ??= createPool();
  return holder.todoPool;
}
