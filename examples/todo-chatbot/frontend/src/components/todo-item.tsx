"use client";

import { useEffect, useRef, useState } from "react";
import type { TodoList } from "@/lib/client/use-todos";
import type { Todo } from "@/lib/types";
import { EditTodo } from "./edit-todo";
import styles from "./todo-item.module.css";

interface Props {
  todo: Todo;
  change: TodoList["change"];
  remove: TodoList["remove"];
}

type Mode = "show" | "edit" | "confirm";

/** One row: ticking off, editing in place, and deleting after a second look. */
export function TodoItem({ todo, change, remove }: Props) {
  const [mode, setMode] = useState<Mode>("show");
  const [back, setBack] = useState<"edit" | "delete" | null>(null);

  const leave = (to: "edit" | "delete") => {
    setBack(to);
    setMode("show");
  };

  if (mode === "edit") {
    return (
      <li className={styles.item} data-mode="edit">
        <EditTodo todo={todo} change={change} close={() => leave("edit")} />
      </li>
    );
  }
  return (
    <li className={styles.item} data-done={todo.completed}>
      <label className={styles.tick}>
        <input
          type="checkbox"
          checked={todo.completed}
          onChange={(event) => void change(todo.id, { completed: event.target.checked })}
        />
        <span className={styles.text}>
          <span className={styles.title}>{todo.title}</span>
          {todo.description && <span className={styles.description}>{todo.description}</span>}
        </span>
      </label>
      {mode === "confirm" ? (
        <Confirm title={todo.title} yes={() => remove(todo.id)} no={() => leave("delete")} />
      ) : (
        <Actions title={todo.title} focus={back} edit={() => setMode("edit")} remove={() => setMode("confirm")} />
      )}
    </li>
  );
}

interface ActionsProps {
  title: string;
  /** The button that gets the keyboard back after editing or deleting was left. */
  focus: "edit" | "delete" | null;
  edit: () => void;
  remove: () => void;
}

function Actions({ title, focus, edit, remove }: ActionsProps) {
  return (
    <span className={styles.actions}>
      <button type="button" onClick={edit} aria-label={`Edit ${title}`} title="Edit" autoFocus={focus === "edit"}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 20h4L19 9l-4-4L4 16v4ZM13.5 6.5l4 4" />
        </svg>
      </button>
      <button type="button" onClick={remove} aria-label={`Delete ${title}`} title="Delete" autoFocus={focus === "delete"}>
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3" />
        </svg>
      </button>
    </span>
  );
}

interface ConfirmProps {
  title: string;
  yes: () => Promise<boolean>;
  no: () => void;
}

function Confirm({ title, yes, no }: ConfirmProps) {
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => keep.current?.focus(), []);
  return (
    <span className={styles.confirm} role="group" aria-label={`Delete ${title}?`} onKeyDown={(event) => event.key === "Escape" && no()}>
      <button type="button" className={styles.danger} onClick={() => void yes().then((gone) => gone || no())}>
        Delete
      </button>
      <button type="button" ref={keep} onClick={no}>
        Keep
      </button>
    </span>
  );
}
