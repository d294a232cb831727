"use client";

import { Logo } from "./logo";
import styles from "./notice.module.css";

interface Props {
  title?: string;
  text?: string;
}

/** A whole page for the moments when nothing else can be shown. */
export function Unavailable({
  title = "We’ll be right back",
  text = "The accounts service cannot be reached at the moment. Nothing is lost; this usually passes within a minute.",
}: Props) {
  return (
    <main className={styles.page} role="alert">
      <Logo size={40} />
      <h1>{title}</h1>
      <p>{text}</p>
      <button type="button" className="button" onClick={() => window.location.reload()}>
        Try again
      </button>
    </main>
  );
}
