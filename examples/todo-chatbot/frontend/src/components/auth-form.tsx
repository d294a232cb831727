"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useId, useState, type FormEvent } from "react";
import { ApiError, authApi, failureText } from "@/lib/client/api";
import styles from "./auth-form.module.css";
import { Logo } from "./logo";

export type AuthMode = "sign-in" | "sign-up";

const TEXT = {
  "sign-in": { title: "Welcome back", lead: "Sign in to see your todos.", action: "Sign in", working: "Signing in…" },
  "sign-up": { title: "Create your account", lead: "One minute, and the list is yours.", action: "Create account", working: "Creating account…" },
} as const;

function submit(mode: AuthMode, form: FormData): Promise<unknown> {
  const field = (name: string) => String(form.get(name) ?? "");
  const email = field("email").trim();
  return mode === "sign-in"
    ? authApi.signIn(email, field("password"))
    : authApi.signUp(field("name").trim(), email, field("password"));
}

function problemText(error: unknown, mode: AuthMode): string {
  if (error instanceof ApiError && error.kind === "session" && mode === "sign-in") {
    return "Email or password is not right.";
  }
  if (error instanceof ApiError && error.kind === "unavailable") return "Accounts are not available right now. Try again in a moment.";
  return failureText(error);
}

/** Signs a person in or creates an account, and then opens the list. */
export function AuthForm({ mode }: { mode: AuthMode }) {
  const router = useRouter();
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const text = TEXT[mode];

  async function onSubmit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      await submit(mode, form);
      router.replace("/");
      router.refresh();
    } catch (error) {
      setProblem(problemText(error, mode));
      setBusy(false);
    }
  }

  return (
    <div className={styles.card}>
      <div className={styles.mark}>
        <Logo size={40} />
      </div>
      <h1 className={styles.title}>{text.title}</h1>
      <p className={styles.lead}>{text.lead}</p>
      <form onSubmit={onSubmit} className={styles.form}>
        {mode === "sign-up" && <Field label="Name" name="name" autoComplete="name" maxLength={80} />}
        <Field label="Email" name="email" type="email" autoComplete="email" maxLength={200} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete={mode === "sign-in" ? "current-password" : "new-password"}
          minLength={mode === "sign-up" ? 8 : undefined}
          maxLength={128}
          hint={mode === "sign-up" ? "At least 8 characters." : undefined}
        />
        {problem && (
          <p className={styles.problem} role="alert">
            {problem}
          </p>
        )}
        <button type="submit" className="button" disabled={busy} aria-busy={busy}>
          {busy ? text.working : text.action}
        </button>
      </form>
      <Other mode={mode} />
    </div>
  );
}

function Other({ mode }: { mode: AuthMode }) {
  return mode === "sign-in" ? (
    <p className={styles.other}>
      New here? <Link href="/sign-up">Create an account</Link>
    </p>
  ) : (
    <p className={styles.other}>
      Already have an account? <Link href="/sign-in">Sign in</Link>
    </p>
  );
}

interface FieldProps {
  label: string;
  name: string;
  type?: "text" | "email" | "password";
  autoComplete: string;
  minLength?: number;
  maxLength: number;
  hint?: string;
}

function Field({ label, hint, type = "text", ...input }: FieldProps) {
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <input id={id} type={type} required aria-describedby={hint ? `${id}-hint` : undefined} {...input} />
      {hint && (
        <small id={`${id}-hint`} className={styles.hint}>
          {hint}
        </small>
      )}
    </div>
  );
}
