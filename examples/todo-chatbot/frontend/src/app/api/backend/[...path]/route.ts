import { forward } from "@/lib/server/proxy";

type Context = RouteContext<"/api/backend/[...path]">;

async function handle(request: Request, context: Context): Promise<Response> {
  const { path } = await context.params;
  return forward(request, path);
}

export { handle as GET, handle as POST, handle as PATCH, handle as DELETE };
