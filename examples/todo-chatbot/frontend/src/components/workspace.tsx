"use client";

import { useCallback, useState } from "react";
import type { Viewer } from "@/lib/server/session";
import { useTodos } from "@/lib/client/use-todos";
import { ChatPanel } from "./chat-panel";
import { Header } from "./header";
import { SessionEnded } from "./session-ended";
import { TodoPanel } from "./todo-panel";
import styles from "./workspace.module.css";

type Side = "list" | "chat";

/** The application after signing in: the list and, beside it, the assistant. */
export function Workspace({ viewer }: { viewer: Viewer }) {
  const [ended, setEnded] = useState(false);
  const [side, setSide] = useState<Side>("list");
  const endSession = useCallback(() => setEnded(true), []);
  const list = useTodos(endSession);

  return (
    <div className={styles.workspace}>
      <Header viewer={viewer} />
      <nav className={styles.switch} aria-label="Choose what to show">
        <SideButton side="list" current={side} choose={setSide} label="List" />
        <SideButton side="chat" current={side} choose={setSide} label="Assistant" />
      </nav>
      <main className={styles.columns} data-side={side}>
        <div className={styles.list}>
          <TodoPanel list={list} />
        </div>
        <div className={styles.chat}>
          <ChatPanel onToolsUsed={() => void list.reload()} onSessionEnded={endSession} />
        </div>
      </main>
      {ended && <SessionEnded />}
    </div>
  );
}

interface SideButtonProps {
  side: Side;
  current: Side;
  choose: (side: Side) => void;
  label: string;
}

function SideButton({ side, current, choose, label }: SideButtonProps) {
  return (
    <button type="button" aria-pressed={side === current} onClick={() => choose(side)}>
      {label}
    </button>
  );
}
