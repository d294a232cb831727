import { SignJWT, type JWTPayload } from "jose";

/** Life of a token in seconds; the two Python services refuse it afterwards. */
export const TOKEN_LIFETIME_SECONDS = 15 * 60;

export interface TokenSettings {
  jwtSecret: string;
  jwtIssuer: string;
  jwtAudience: string;
}

/**
 * Signs a token for the backend and the MCP server with HS256.
 *
 * Better Auth's JWT plugin signs with an asymmetric key of its own by default. The services of this application share
 * one secret instead, so the plugin delegates to this function; issuer, audience and times are always set here.
 *
 * @throws TypeError when the payload names no subject: a token without one would belong to nobody.
 */
export async function signToken(payload: JWTPayload, settings: TokenSettings, now: Date = new Date()): Promise<string> {
  const { sub, email, name } = payload;
  if (!sub) throw new TypeError("A token needs a subject");
  const issuedAt = Math.floor(now.getTime() / 1000);
  return new SignJWT({ email, name })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(sub)
    .setIssuer(settings.jwtIssuer)
    .setAudience(settings.jwtAudience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFETIME_SECONDS)
    .sign(new TextEncoder().encode(settings.jwtSecret));
}
