import type { ReactNode } from "react";
import styles from "./auth-shell.module.css";
import { Logo } from "./logo";

/** The frame of the sign-in and sign-up pages: what this is on one side, the form on the other. */
export function AuthShell({ children }: { children: ReactNode }) {
  return (
    <div className={styles.shell}>
      <aside className={styles.intro}>
        <div className={styles.brand}>
          <Logo size={32} />
          Todo Chatbot
        </div>
        <div>
          <p className={styles.headline}>Say it, and it’s on the list.</p>
          <ul className={styles.sample} aria-label="An example conversation">
            <li className={styles.mine}>Remind me to water the plants</li>
            <li className={styles.theirs}>
              <span className={styles.tool}>add_todo</span>
              Added “Water the plants”.
            </li>
            <li className={styles.mine}>And what is still open?</li>
            <li className={styles.theirs}>
              <span className={styles.tool}>list_todos</span>
              Two things: the plants, and the letter to Anna.
            </li>
          </ul>
        </div>
        <p className={styles.foot}>A list on the left, an assistant on the right. Use whichever is quicker.</p>
      </aside>
      <main className={styles.main}>{children}</main>
    </div>
  );
}
