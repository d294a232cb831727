import { betterAuth, type BetterAuthOptions } from "better-auth";
import { jwt } from "better-auth/plugins";
import { getPool } from "./database";
import { readEnv, type ServerEnv } from "./env";
import { log } from "./log";
import { signToken } from "./token";

/** Port-forwards and tunnels end on any local port, so all of them are trusted. */
const LOCAL_ORIGINS = ["localhost", "127.0.0.1"].flatMap((host) => [`http://${host}`, `http://${host}:*`]);

/** The JWT plugin, told to sign with the shared HS256 secret instead of its own key pair. */
export function jwtPlugin(env: ServerEnv) {
  return jwt({
    // The plugin asks for both when `sign` is given. They only describe keys for other parties; a shared secret has
    // no public half, so /api/auth/jwks answers 404 and the algorithm named here is never used.
    jwks: { remoteUrl: `${env.authUrl}/api/auth/jwks`, keyPairConfig: { alg: "EdDSA" } },
    jwt: {
      issuer: env.jwtIssuer,
      audience: env.jwtAudience,
      expirationTime: "15m",
      definePayload: ({ user }) => ({ email: user.email, name: user.name }),
      sign: (payload) => signToken(payload, env),
    },
    // A browser asks for its session often and never needs the token in a header.
    disableSettingJwtHeader: true,
  });
}

/** Options of Better Auth for the given environment and database. */
export function authOptions(env: ServerEnv, database: BetterAuthOptions["database"]) {
  return {
    appName: "Todo Chatbot",
    baseURL: env.authUrl,
    basePath: "/api/auth",
    secret: env.authSecret,
    database,
    trustedOrigins: [env.authUrl, ...LOCAL_ORIGINS, ...env.trustedOrigins],
    emailAndPassword: { enabled: true, autoSignIn: true, minPasswordLength: 8, maxPasswordLength: 128 },
    session: { expiresIn: 7 * 24 * 3600, updateAge: 24 * 3600 },
    // Slows down guessing; generous enough for a family behind one address.
    rateLimit: {
      enabled: true,
      window: 60,
      max: 300,
      customRules: {
        "/sign-in/*": { window: 60, max: 30 },
        "/sign-up/*": { window: 60, max: 30 },
      },
    },
    telemetry: { enabled: false },
    // Better Auth's messages may quote the failing statement; only the level and the text's first line are kept.
    logger: {
      level: "warn",
      disableColors: true,
      log: (level, message) => log(level === "error" ? "error" : "warn", "auth", { message: message.split("\n")[0] }),
    },
    plugins: [jwtPlugin(env)],
  } satisfies BetterAuthOptions;
}

function createAuth() {
  const env = readEnv();
  return betterAuth(authOptions(env, getPool()));
}

export type Auth = ReturnType<typeof createAuth>;

const holder = globalThis as typeof globalThis & { todoAuth?: Auth };

/**
 * The one Better Auth instance of this process, made on first use: `next build` loads the routes without an environment.
 *
 * @throws EnvError when the environment is incomplete.
 */
export function getAuth(): Auth {
  holder.todoAuth ??= createAuth();
  return holder.todoAuth;
}
