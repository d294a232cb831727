/** @jest-environment node */
import { log, reason } from "@/lib/server/log";

it("writes one JSON object per event", () => {
  const written = jest.spyOn(process.stdout, "write").mockReturnValue(true);
  log("warn", "database.waiting", { attempt: 1, note: "one\ntwo" });
  const line = String(written.mock.calls[0]![0]);
  expect(line.endsWith("\n")).toBe(true);
  expect(line.trimEnd()).not.toContain("\n");
  expect(JSON.parse(line)).toMatchObject({ level: "warn", service: "todo-frontend", event: "database.waiting", note: "one\ntwo" });
});

it("reduces an error to its code or its class", () => {
  expect(reason(Object.assign(new Error("password hunter2"), { code: "ECONNREFUSED" }))).toBe("ECONNREFUSED");
  expect(reason(new TypeError("password hunter2"))).toBe("TypeError");
  expect(reason("hunter2")).toBe("unknown");
});
