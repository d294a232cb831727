/** @jest-environment node */
import { decodeProtectedHeader, jwtVerify } from "jose";
import { signToken, TOKEN_LIFETIME_SECONDS } from "@/lib/server/token";

const SETTINGS = { jwtSecret: "a-secret-for-tests-only-0123456789abcdef", jwtIssuer: "todo-chatbot", jwtAudience: "todo-api" };
const key = (secret: string) => new TextEncoder().encode(secret);

describe("signToken", () => {
  it("makes a token that the services accept", async () => {
    const token = await signToken({ sub: "ada", email: "ada@example.org", name: "Ada" }, SETTINGS);
    const { payload } = await jwtVerify(token, key(SETTINGS.jwtSecret), { issuer: "todo-chatbot", audience: "todo-api", algorithms: ["HS256"] });
    expect(payload).toMatchObject({ sub: "ada", email: "ada@example.org", name: "Ada" });
    expect(payload.exp! - payload.iat!).toBe(TOKEN_LIFETIME_SECONDS);
    expect(decodeProtectedHeader(token)).toEqual({ alg: "HS256", typ: "JWT" });
  });

  it("expires after a quarter of an hour", async () => {
    const past = new Date(Date.now() - (TOKEN_LIFETIME_SECONDS + 1) * 1000);
    const token = await signToken({ sub: "ada" }, SETTINGS, past);
    await expect(jwtVerify(token, key(SETTINGS.jwtSecret))).rejects.toMatchObject({ code: "ERR_JWT_EXPIRED" });
  });

  it("sets issuer, audience and times itself, whatever the payload says", async () => {
    const token = await signToken({ sub: "ada", iss: "x", aud: "y", exp: 1, iat: 1, admin: true }, SETTINGS);
    const { payload } = await jwtVerify(token, key(SETTINGS.jwtSecret));
    expect(payload).toMatchObject({ iss: "todo-chatbot", aud: "todo-api" });
    expect(payload).not.toHaveProperty("admin");
  });

  it("is worthless under another key", async () => {
    const token = await signToken({ sub: "ada" }, SETTINGS);
    await expect(jwtVerify(token, key("another-secret-0123456789abcdef0123456789"))).rejects.toThrow("signature");
  });

  it("refuses a payload without a subject", async () => {
    await expect(signToken({ email: "ada@example.org" }, SETTINGS)).rejects.toThrow(TypeError);
    await expect(signToken({ sub: "" }, SETTINGS)).rejects.toThrow(TypeError);
  });
});
