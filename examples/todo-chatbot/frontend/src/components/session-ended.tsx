"use client";

import Link from "next/link";
import { useEffect, useRef } from "react";
import styles from "./session-ended.module.css";

/** Covers the page once the session is gone, because nothing behind it can be saved any more. */
export function SessionEnded() {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    const element = dialog.current;
    // showModal keeps the keyboard inside; where it is missing the dialog still shows through `open`.
    if (element && typeof element.showModal === "function") element.showModal();
    else element?.setAttribute("open", "");
  }, []);

  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby="session-ended" onCancel={(event) => event.preventDefault()}>
      <h2 id="session-ended">Your session has ended</h2>
      <p>You were signed out. Sign in again to go on; your todos are as you left them.</p>
      <Link className="button" href="/sign-in">
        Sign in again
      </Link>
    </dialog>
  );
}
