/** Runs once when the server starts: checks the environment, then prepares the database without holding up liveness. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { startServer } = await import("@/lib/server/start");
  startServer();
}
