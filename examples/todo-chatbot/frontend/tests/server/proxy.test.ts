/** @jest-environment node */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { backendTarget, forward } from "@/lib/server/proxy";

const getToken = jest.fn();
const forgetMigration = jest.fn();
jest.mock("@/lib/server/auth", () => ({ getAuth: () => ({ api: { getToken } }) }));
jest.mock("@/lib/server/migrate", () => ({ ensureMigrated: async () => undefined, forgetMigration: () => forgetMigration() }));

interface Seen {
  method?: string;
  url?: string;
  headers: IncomingMessage["headers"];
  body: string;
}

let backend: Server;
let seen: Seen[];
let answer: { status: number; body?: string };

beforeAll(async () => {
  backend = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      response.writeHead(answer.status, { "Content-Type": "application/json", "Set-Cookie": "evil=1" }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
});
afterAll(() => new Promise((resolve) => backend.close(resolve)));

beforeEach(() => {
  seen = [];
  answer = { status: 200, body: "[]" };
  const secret = "a-secret-for-tests-only-0123456789abcdef";
  process.env.DATABASE_URL = "postgresql://todo:pw@db:5432/todo";
  process.env.JWT_SECRET = secret;
  process.env.BETTER_AUTH_SECRET = secret;
  process.env.BACKEND_URL = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
  getToken.mockImplementation(async () => Response.json({ token: "the-token" }));
  jest.spyOn(process.stdout, "write").mockReturnValue(true);
});

const request = (path: string, init?: RequestInit) => new Request(`http://localhost:3000/api/backend/${path}`, init);

describe("forward", () => {
  it("asks the backend with a token of the session and none of the browser's headers", async () => {
    const headers = { Cookie: "session=1", Authorization: "Bearer of-the-browser", "X-Forwarded-For": "1.2.3.4" };
    const result = await forward(request("todos?status=open", { headers }), ["todos"]);
    expect([result.status, await result.json()]).toEqual([200, []]);
    expect(seen[0]).toMatchObject({ method: "GET", url: "/api/todos?status=open", body: "" });
    expect(seen[0]!.headers.authorization).toBe("Bearer the-token");
    expect(seen[0]!.headers).not.toHaveProperty("cookie");
    expect(seen[0]!.headers).not.toHaveProperty("x-forwarded-for");
    expect(result.headers.get("Set-Cookie")).toBeNull();
    expect(result.headers.get("Cache-Control")).toBe("no-store");
  });

  it("passes a body and the backend's answer on", async () => {
    answer = { status: 422, body: '{"detail":"no"}' };
    const result = await forward(request("todos", { method: "POST", body: '{"title":"milk"}' }), ["todos"]);
    expect([result.status, await result.json()]).toEqual([422, { detail: "no" }]);
    expect(seen[0]).toMatchObject({ method: "POST", body: '{"title":"milk"}' });
    expect(seen[0]!.headers["content-type"]).toBe("application/json");
  });

  it("passes an empty answer on", async () => {
    answer = { status: 204 };
    const result = await forward(request("todos/1", { method: "DELETE" }), ["todos", "1"]);
    expect([result.status, await result.text()]).toEqual([204, ""]);
  });

  it("answers 401 without a session and asks nobody", async () => {
    getToken.mockImplementation(async () => Response.json({ message: "Unauthorized" }, { status: 401 }));
    const result = await forward(request("todos"), ["todos"]);
    expect([result.status, (await result.json()).code]).toEqual([401, "no_session"]);
    expect(seen).toEqual([]);
    expect(forgetMigration).not.toHaveBeenCalled();
  });

  it.each([
    ["throws", async () => Promise.reject(new Error("down"))],
    ["answers 500", async () => new Response(null, { status: 500 })],
  ])("answers 503 when the session lookup %s, and looks at the tables again next time", async (_, lookup) => {
    getToken.mockImplementation(lookup);
    const result = await forward(request("todos"), ["todos"]);
    expect([result.status, (await result.json()).code]).toEqual([503, "database_unavailable"]);
    expect(forgetMigration).toHaveBeenCalledTimes(1);
  });

  it("answers 502 when the backend is down", async () => {
    process.env.BACKEND_URL = "http://127.0.0.1:1";
    const result = await forward(request("todos"), ["todos"]);
    expect([result.status, (await result.json()).code]).toEqual([502, "backend_unavailable"]);
  });

  it("does not send the user to the sign-in page when the services disagree about the token", async () => {
    answer = { status: 401, body: "{}" };
    const result = await forward(request("todos"), ["todos"]);
    expect([result.status, (await result.json()).code]).toEqual([502, "token_refused"]);
  });

  it("refuses another site's request, a huge body and a path that is not offered", async () => {
    const crossSite = await forward(request("todos", { headers: { "Sec-Fetch-Site": "cross-site" } }), ["todos"]);
    const huge = await forward(request("todos", { method: "POST", body: "x".repeat(65_537) }), ["todos"]);
    const hidden = await forward(request("openapi.json"), ["openapi.json"]);
    expect([crossSite.status, huge.status, hidden.status]).toEqual([403, 413, 404]);
    expect(seen).toEqual([]);
  });
});

describe("backendTarget", () => {
  const target = (...segments: string[]) => backendTarget(segments, "", "http://backend:8000")?.href ?? null;

  it("stays below the offered paths", () => {
    expect(target("todos", "7")).toBe("http://backend:8000/api/todos/7");
    expect(target("chat")).toBe("http://backend:8000/api/chat");
    expect(target("todos", "..", "..", "health")).toBeNull();
    expect(target("todos", ".")).toBeNull();
    expect(target("todos", "")).toBeNull();
    expect(target("health")).toBeNull();
    expect(target()).toBeNull();
  });

  it("keeps a segment one segment", () => {
    expect(target("todos", "a/b?c#d")).toBe("http://backend:8000/api/todos/a%2Fb%3Fc%23d");
  });
});
