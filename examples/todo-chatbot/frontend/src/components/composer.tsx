"use client";

import { useState, type FormEvent, type KeyboardEvent } from "react";
import styles from "./composer.module.css";

interface Props {
  send: (text: string) => Promise<void>;
  busy: boolean;
}

/** Where a message is written. Enter sends, Shift+Enter starts a new line. */
export function Composer({ send, busy }: Props) {
  const [text, setText] = useState("");

  function submit() {
    const message = text.trim();
    if (!message || busy) return;
    setText("");
    void send(message);
  }

  const onKeyDown = (event: KeyboardEvent) => {
    // While a character is being composed, Enter belongs to the input method.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  };

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit();
  };

  return (
    <form className={styles.form} onSubmit={onSubmit}>
      <label className="visually-hidden" htmlFor="chat-message">
        Message to the assistant
      </label>
      <textarea
        id="chat-message"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        placeholder="Add “call the dentist”…"
        rows={1}
        maxLength={2000}
      />
      <button type="submit" className={styles.send} disabled={busy || !text.trim()} aria-label="Send">
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 19V5M6 11l6-6 6 6" />
        </svg>
      </button>
    </form>
  );
}
