import type { Todo } from "@/lib/types";
import styles from "./filter-bar.module.css";

export type Filter = "all" | "open" | "done";

export const FILTERS: Record<Filter, { label: string; keep: (todo: Todo) => boolean }> = {
  all: { label: "All", keep: () => true },
  open: { label: "Open", keep: (todo) => !todo.completed },
  done: { label: "Done", keep: (todo) => todo.completed },
};

interface Props {
  filter: Filter;
  counts: Record<Filter, number>;
  choose: (filter: Filter) => void;
}

/** Chooses which todos are shown. */
export function FilterBar({ filter, counts, choose }: Props) {
  return (
    <div className={styles.bar} role="group" aria-label="Show">
      {(Object.keys(FILTERS) as Filter[]).map((key) => (
        <button key={key} type="button" aria-pressed={key === filter} onClick={() => choose(key)}>
          {FILTERS[key].label} <span className={styles.count}>{counts[key]}</span>
        </button>
      ))}
    </div>
  );
}
