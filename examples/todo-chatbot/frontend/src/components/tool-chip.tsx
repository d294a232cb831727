import type { ToolCall } from "@/lib/types";
import styles from "./tool-chip.module.css";

const MAX_LENGTH = 32;

/** The arguments of a call in a few characters, e.g. `buy milk`, `3, true`. */
export function argumentSummary(values: Record<string, unknown>): string {
  const text = Object.values(values)
    .filter((value) => value !== null && value !== undefined && value !== "")
    .map((value) => (typeof value === "object" ? JSON.stringify(value) : String(value)))
    .join(", ");
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
}

/** One tool the assistant used, whether it worked, and with what. */
export function ToolChip({ call }: { call: ToolCall }) {
  const summary = argumentSummary(call.arguments);
  return (
    <li className={styles.chip} data-ok={call.ok} title={JSON.stringify(call.arguments)}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={call.ok ? "m5 13 4.5 4.5L19 7" : "M6 6l12 12M18 6 6 18"} />
      </svg>
      <span className="visually-hidden">{call.ok ? "Done: " : "Failed: "}</span>
      <code>{call.name}</code>
      {summary && <span className={styles.arguments}>{summary}</span>}
    </li>
  );
}
