type Level = "info" | "warn" | "error";

/**
 * Writes one JSON object per event to stdout.
 *
 * Callers pass plain facts only: never a token, a password or a connection URL.
 */
export function log(level: Level, event: string, facts: Record<string, unknown> = {}): void {
  const line = { time: new Date().toISOString(), level, service: "todo-frontend", event, ...facts };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** A short reason that is safe to log: the error's code, or its name without the message. */
export function reason(error: unknown): string {
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code;
    return typeof code === "string" && code ? code : error.name;
  }
  return "unknown";
}
