"use client";

import { useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent } from "react";
import type { TodoList } from "@/lib/client/use-todos";
import type { Todo } from "@/lib/types";
import styles from "./edit-todo.module.css";

interface Props {
  todo: Todo;
  change: TodoList["change"];
  close: () => void;
}

/** Edits title and note of one todo in its row. Escape leaves without saving. */
export function EditTodo({ todo, change, close }: Props) {
  const id = useId();
  const [title, setTitle] = useState(todo.title);
  const [description, setDescription] = useState(todo.description ?? "");
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);

  useEffect(() => {
    first.current?.focus();
    first.current?.select();
  }, []);

  async function onSubmit(event: FormEvent) {
    event.preventDefault();
    const wanted = title.trim();
    if (!wanted) return;
    setBusy(true);
    const saved = await change(todo.id, { title: wanted, description: description.trim() });
    setBusy(false);
    if (saved) close();
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
  };

  return (
    <form className={styles.form} onSubmit={(event) => void onSubmit(event)} onKeyDown={onKeyDown} aria-label={`Edit ${todo.title}`}>
      <label htmlFor={`${id}-title`}>Title</label>
      <input id={`${id}-title`} ref={first} value={title} onChange={(event) => setTitle(event.target.value)} maxLength={200} required />
      <label htmlFor={`${id}-note`}>Note</label>
      <textarea id={`${id}-note`} value={description} onChange={(event) => setDescription(event.target.value)} maxLength={2000} rows={2} />
      <div className={styles.buttons}>
        <button type="submit" className="button" disabled={busy || !title.trim()}>
          Save
        </button>
        <button type="button" className="button quiet" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
