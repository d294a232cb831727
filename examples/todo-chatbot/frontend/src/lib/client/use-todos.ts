"use client";

import { useCallback, useEffect, useState } from "react";
import { failureText, isSessionEnded, todosApi } from "@/lib/client/api";
import type { Todo, TodoChange } from "@/lib/types";

export interface TodoList {
  /** Newest first: what was just added appears under the field it was typed into. */
  todos: Todo[];
  /** "loading" until the first answer; "failed" when the list itself could not be loaded. */
  status: "loading" | "ready" | "failed";
  /** What the last action failed with, in words for the reader. */
  error: string | null;
  reload: () => Promise<void>;
  /** Each resolves to true when the service accepted it. */
  add: (title: string, description?: string) => Promise<boolean>;
  change: (id: Todo["id"], change: TodoChange) => Promise<boolean>;
  remove: (id: Todo["id"]) => Promise<boolean>;
}

const replace = (todos: Todo[], todo: Todo) => todos.map((other) => (other.id === todo.id ? todo : other));

/** The todos of the signed-in user and everything that can be done with them. */
export function useTodos(onSessionEnded: () => void): TodoList {
  const [todos, setTodos] = useState<Todo[]>([]);
  const [status, setStatus] = useState<TodoList["status"]>("loading");
  const [error, setError] = useState<string | null>(null);

  const fail = useCallback(
    (failure: unknown) => {
      if (isSessionEnded(failure)) onSessionEnded();
      else setError(failureText(failure));
    },
    [onSessionEnded],
  );

  const attempt = useCallback(
    async (action: () => Promise<void>): Promise<boolean> => {
      try {
        await action();
        setError(null);
        return true;
      } catch (failure) {
        fail(failure);
        return false;
      }
    },
    [fail],
  );

  const reload = useCallback(async () => {
    const loaded = await attempt(async () => setTodos((await todosApi.list()).reverse()));
    setStatus((before) => (loaded || before === "ready" ? "ready" : "failed"));
  }, [attempt]);

  useEffect(() => {
    // The state changes only after the answer arrived, never during the effect itself.
    // eslint-disable-next-line react-hooks/set-state-in-effect
    void reload();
  }, [reload]);

  const add: TodoList["add"] = (title, description) =>
    attempt(async () => {
      const todo = await todosApi.add(title, description);
      setTodos((before) => [todo, ...before.filter((other) => other.id !== todo.id)]);
    });

  const change: TodoList["change"] = async (id, wanted) => {
    const original = todos.find((todo) => todo.id === id);
    if (!original) return false;
    // Shown at once and taken back when the service refuses: a checkbox must not wait for the network.
    setTodos((before) => replace(before, { ...original, ...wanted }));
    const accepted = await attempt(async () => {
      const saved = await todosApi.change(id, wanted);
      setTodos((before) => replace(before, saved));
    });
    if (!accepted) setTodos((before) => replace(before, original));
    return accepted;
  };

  const remove: TodoList["remove"] = (id) =>
    attempt(async () => {
      await todosApi.remove(id);
      setTodos((before) => before.filter((todo) => todo.id !== id));
    });

  return { todos, status, error, reload, add, change, remove };
}
