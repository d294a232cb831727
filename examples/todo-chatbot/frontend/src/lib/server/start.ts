import { EnvError, readEnv } from "./env";
import { migrateInBackground } from "./migrate";

/** Ends the process with status 1 and one line when the environment is incomplete; otherwise starts the migration. */
export function startServer(): void {
  try {
    readEnv();
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    process.stderr.write(`todo-frontend: ${error.message}\n`);
    process.exit(1);
  }
  void migrateInBackground();
}
