import packageJson from "../../../../package.json";

export const dynamic = "force-dynamic";

/**
 * Tells that this process serves requests. It asks neither the database nor the backend: a probe that did would restart
 * or unlist a frontend that can still show what is wrong.
 */
export function GET(): Response {
  return Response.json(
    { status: "ok", service: "todo-frontend", version: packageJson.version },
    { headers: { "Cache-Control": "no-store" } },
  );
}
