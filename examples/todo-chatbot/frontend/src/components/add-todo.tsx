"use client";

import { useRef, useState, type FormEvent } from "react";
import type { TodoList } from "@/lib/client/use-todos";
import styles from "./add-todo.module.css";

/** One line to write the next todo into. What was typed stays until the service has it. */
export function AddTodo({ add }: { add: TodoList["add"] }) {
  const [title, setTitle] = useState("");
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    const wanted = title.trim();
    if (!wanted || busy) return;
    setBusy(true);
    if (await add(wanted)) setTitle("");
    setBusy(false);
    input.current?.focus();
  }

  return (
    <form className={styles.form} onSubmit={(event) => void onSubmit(event)}>
      <label className="visually-hidden" htmlFor="new-todo">
        New todo
      </label>
      <input
        id="new-todo"
        ref={input}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        placeholder="What needs doing?"
        maxLength={200}
        autoComplete="off"
      />
      <button type="submit" className="button" disabled={busy || !title.trim()}>
        Add
      </button>
    </form>
  );
}
