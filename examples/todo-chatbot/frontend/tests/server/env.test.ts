/** @jest-environment node */
import { EnvError, readEnv } from "@/lib/server/env";

const SECRET = "a-secret-for-tests-only-0123456789abcdef";
const GOOD = {
  DATABASE_URL: "postgresql://todo:hunter2@db:5432/todo",
  JWT_SECRET: SECRET,
  BETTER_AUTH_SECRET: `${SECRET}-other`,
  BACKEND_URL: "http://todo-backend:8000/",
};

function problems(changes: Record<string, string | undefined>): string {
  try {
    readEnv({ ...GOOD, ...changes });
  } catch (error) {
    expect(error).toBeInstanceOf(EnvError);
    return (error as EnvError).message;
  }
  throw new Error("the environment was accepted");
}

describe("readEnv", () => {
  it("fills in what may be left out", () => {
    expect(readEnv(GOOD)).toEqual({
      databaseUrl: GOOD.DATABASE_URL,
      jwtSecret: SECRET,
      jwtIssuer: "todo-chatbot",
      jwtAudience: "todo-api",
      backendUrl: "http://todo-backend:8000",
      authSecret: GOOD.BETTER_AUTH_SECRET,
      authUrl: "http://localhost:3000",
      trustedOrigins: [],
    });
  });

  it("takes everything from the environment", () => {
    const env = readEnv({
      ...GOOD,
      JWT_ISSUER: "i",
      JWT_AUDIENCE: "a",
      BETTER_AUTH_URL: "https://todo.example/",
      TRUSTED_ORIGINS: "https://a.example, https://b.example,",
    });
    expect(env).toMatchObject({ jwtIssuer: "i", jwtAudience: "a", authUrl: "https://todo.example" });
    expect(env.trustedOrigins).toEqual(["https://a.example", "https://b.example"]);
  });

  it("names every problem at once and no value", () => {
    const message = problems({ DATABASE_URL: "mysql://u:hunter2@h/d", JWT_SECRET: "short", BETTER_AUTH_SECRET: " ", BACKEND_URL: undefined });
    expect(message).toBe(
      "Cannot start: DATABASE_URL is not a valid postgresql: or postgres: URL; JWT_SECRET is shorter than 32 characters; " +
        "BACKEND_URL is not set; BETTER_AUTH_SECRET is not set.",
    );
    expect(message).not.toMatch(/hunter2|short;/);
  });

  it.each([
    ["BACKEND_URL", "todo-backend:8000"],
    ["BETTER_AUTH_URL", "ftp://todo.example"],
    ["DATABASE_URL", "not a url"],
  ])("refuses %s=%s", (name, value) => {
    expect(problems({ [name]: value })).toContain(`${name} is not a valid`);
  });
});
