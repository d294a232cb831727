"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { authApi, failureText, isSessionEnded } from "@/lib/client/api";
import type { Viewer } from "@/lib/server/session";
import styles from "./header.module.css";
import { Logo } from "./logo";
import { ThemeToggle } from "./theme-toggle";

/** Name of the application, who is signed in, the theme, and the way out. */
export function Header({ viewer }: { viewer: Viewer }) {
  const router = useRouter();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function signOut() {
    setBusy(true);
    try {
      await authApi.signOut();
    } catch (error) {
      // A session that is gone already is what was asked for.
      if (!isSessionEnded(error)) {
        setProblem(failureText(error));
        setBusy(false);
        return;
      }
    }
    router.replace("/sign-in");
    router.refresh();
  }

  return (
    <header className={styles.header}>
      <div className={styles.brand}>
        <Logo />
        <span>Todo Chatbot</span>
      </div>
      {problem && (
        <p role="alert" className={styles.problem}>
          {problem}
        </p>
      )}
      <div className={styles.actions}>
        <ThemeToggle />
        <span className={styles.viewer} title={viewer.email}>
          <span className={styles.avatar} aria-hidden="true">
            {viewer.name.trim().charAt(0).toUpperCase() || "?"}
          </span>
          <span className={styles.name}>{viewer.name}</span>
        </span>
        <button type="button" className="button quiet" onClick={() => void signOut()} disabled={busy}>
          Sign out
        </button>
      </div>
    </header>
  );
}
