/** The environment the server needs, read once and checked before anything starts. */

export interface ServerEnv {
  /** PostgreSQL connection URL, e.g. `postgresql://user:password@host:5432/db?sslmode=require`. */
  databaseUrl: string;
  /** Shared HS256 key of the three services, at least 32 characters. */
  jwtSecret: string;
  jwtIssuer: string;
  jwtAudience: string;
  /** Base URL of the backend, without a trailing slash. */
  backendUrl: string;
  /** Better Auth's own secret (signs session cookies), at least 32 characters. */
  authSecret: string;
  /** Public origin of this application. */
  authUrl: string;
  /** Origins that may send authenticated requests, beside local ones. */
  trustedOrigins: string[];
}

type Variables = Record<string, string | undefined>;

/** RFC 7518, section 3.2: an HS256 key has at least the size of the hash, 256 bits. */
const MIN_SECRET_LENGTH = 32;

/** Names every missing or malformed variable in one line. Never carries a value. */
export class EnvError extends Error {
  override name = "EnvError";
}

function isUrl(value: string, protocols: string[]): boolean {
  try {
    return protocols.includes(new URL(value).protocol);
  } catch {
    return false;
  }
}

/**
 * Reads and checks the environment.
 *
 * @throws EnvError naming all problems at once, so that one restart is enough to repair them.
 */
export function readEnv(variables: Variables = process.env): ServerEnv {
  const problems: string[] = [];

  const text = (name: string, fallback?: string): string => {
    const value = variables[name]?.trim() || fallback;
    if (!value) problems.push(`${name} is not set`);
    return value ?? "";
  };
  const secret = (name: string): string => {
    const value = text(name);
    if (value && value.length < MIN_SECRET_LENGTH) problems.push(`${name} is shorter than ${MIN_SECRET_LENGTH} characters`);
    return value;
  };
  const url = (name: string, protocols: string[], fallback?: string): string => {
    const value = text(name, fallback);
    if (value && !isUrl(value, protocols)) problems.push(`${name} is not a valid ${protocols.join(" or ")} URL`);
    return value.replace(/\/+$/, "");
  };

  const env: ServerEnv = {
    databaseUrl: url("DATABASE_URL", ["postgresql:", "postgres:"]),
    jwtSecret: secret("JWT_SECRET"),
    jwtIssuer: text("JWT_ISSUER", "todo-chatbot"),
    jwtAudience: text("JWT_AUDIENCE", "todo-api"),
    backendUrl: url("BACKEND_URL", ["http:", "https:"]),
    authSecret: secret("BETTER_AUTH_SECRET"),
    authUrl: url("BETTER_AUTH_URL", ["http:", "https:"], "http://localhost:3000"),
    trustedOrigins: (variables.TRUSTED_ORIGINS ?? "").split(",").map((origin) => origin.trim()).filter(Boolean),
  };
  if (problems.length > 0) throw new EnvError(`Cannot start: ${problems.join("; ")}.`);
  return env;
}
