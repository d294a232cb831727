"use client";

import { useState } from "react";
import type { TodoList } from "@/lib/client/use-todos";
import type { Todo } from "@/lib/types";
import { AddTodo } from "./add-todo";
import { FILTERS, FilterBar, type Filter } from "./filter-bar";
import { TodoItem } from "./todo-item";
import styles from "./todo-panel.module.css";

const EMPTY: Record<Filter, string> = {
  all: "Nothing on the list yet. Add the first thing above, or ask the assistant.",
  open: "Nothing open. Well done.",
  done: "Nothing finished yet.",
};

/** The list: adding, filtering, and one row for each todo. */
export function TodoPanel({ list }: { list: TodoList }) {
  const [filter, setFilter] = useState<Filter>("all");
  const open = list.todos.filter((todo) => !todo.completed).length;
  const counts: Record<Filter, number> = { all: list.todos.length, open, done: list.todos.length - open };
  const shown = list.todos.filter(FILTERS[filter].keep);

  return (
    <section className={styles.panel} aria-labelledby="todos-title">
      <div className={styles.head}>
        <h1 id="todos-title">My todos</h1>
        {list.status === "ready" && <p className={styles.summary}>{summary(open, counts.done)}</p>}
      </div>
      <AddTodo add={list.add} />
      <FilterBar filter={filter} counts={counts} choose={setFilter} />
      {list.error && list.status === "ready" && (
        <p className={styles.error} role="alert">
          {list.error}
        </p>
      )}
      <Body list={list} shown={shown} empty={EMPTY[filter]} />
    </section>
  );
}

function summary(open: number, done: number): string {
  if (open === 0 && done === 0) return "";
  return open === 0 ? "All done" : `${open} open, ${done} done`;
}

function Body({ list, shown, empty }: { list: TodoList; shown: Todo[]; empty: string }) {
  if (list.status === "loading") {
    return (
      <div role="status" className={styles.loading}>
        <span className="visually-hidden">Loading your todos…</span>
        <i aria-hidden="true" />
        <i aria-hidden="true" />
        <i aria-hidden="true" />
      </div>
    );
  }
  if (list.status === "failed") {
    return (
      <div className={styles.empty} role="alert">
        <p>{list.error}</p>
        <button type="button" className="button" onClick={() => void list.reload()}>
          Try again
        </button>
      </div>
    );
  }
  if (shown.length === 0) return <p className={styles.empty}>{empty}</p>;
  return (
    <ul className={styles.items} aria-label="Todos">
      {shown.map((todo) => (
        <TodoItem key={todo.id} todo={todo} change={list.change} remove={list.remove} />
      ))}
    </ul>
  );
}
