/** @jest-environment node */
import { GET } from "@/app/api/health/route";

it("tells that the process serves, and asks nobody else", async () => {
  const answer = GET();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Cache-Control")).toBe("no-store");
  expect(await answer.json()).toEqual({ status: "ok", service: "todo-frontend", version: "1.0.0" });
});
