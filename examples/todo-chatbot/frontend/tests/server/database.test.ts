/** @jest-environment node */
import { connectionString } from "@/lib/server/database";

describe("connectionString", () => {
  it("lets sslmode mean what it means to libpq", () => {
    const url = new URL(connectionString("postgresql://u:p@db.example/todo?sslmode=require"));
    expect(Object.fromEntries(url.searchParams)).toEqual({ sslmode: "require", uselibpqcompat: "true" });
  });

  it("leaves other URLs alone", () => {
    expect(connectionString("postgresql://u:p%40ss@postgres:5432/todo")).toBe("postgresql://u:p%40ss@postgres:5432/todo");
  });
});
