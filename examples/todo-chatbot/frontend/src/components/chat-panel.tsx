"use client";

import { useEffect, useRef } from "react";
import { useChat } from "@/lib/client/use-chat";
import type { ChatMessage } from "@/lib/types";
import styles from "./chat-panel.module.css";
import { Composer } from "./composer";
import { ToolChip } from "./tool-chip";

const SUGGESTIONS = ["Add buy milk", "What is still open?", "Mark buy milk as done"];

interface Props {
  onToolsUsed: () => void;
  onSessionEnded: () => void;
}

/** The assistant: the conversation, what it did, and the line to write to it. */
export function ChatPanel({ onToolsUsed, onSessionEnded }: Props) {
  const chat = useChat(onToolsUsed, onSessionEnded);
  const log = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = log.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, [chat.messages.length, chat.busy]);

  useEffect(() => {
    const element = log.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    // A panel that was hidden, as on a narrow screen, could not scroll when the message came.
    const observer = new ResizeObserver(() => (element.scrollTop = element.scrollHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  return (
    <section className={styles.panel} aria-labelledby="chat-title">
      <div className={styles.head}>
        <h2 id="chat-title">Assistant</h2>
        {chat.model === "offline" && (
          <span className={styles.offline} title="No language model is configured: a small rule-based model answers. It understands simple sentences.">
            offline model
          </span>
        )}
        {chat.messages.length > 0 && (
          <button type="button" className="button quiet" onClick={chat.reset} disabled={chat.busy}>
            New chat
          </button>
        )}
      </div>
      <div className={styles.log} ref={log} role="log" aria-label="Conversation" aria-live="polite" tabIndex={0}>
        {chat.messages.length === 0 && <Welcome send={(text) => void chat.send(text)} busy={chat.busy} />}
        {chat.messages.map((message) => (
          <Bubble key={message.key} message={message} />
        ))}
        {chat.busy && (
          <p className={styles.typing} role="status">
            <span className="visually-hidden">The assistant is working…</span>
            <i aria-hidden="true" />
            <i aria-hidden="true" />
            <i aria-hidden="true" />
          </p>
        )}
      </div>
      <Composer send={chat.send} busy={chat.busy} />
    </section>
  );
}

function Welcome({ send, busy }: { send: (text: string) => void; busy: boolean }) {
  return (
    <div className={styles.welcome}>
      <p>Tell me what to do with your list, in your own words.</p>
      <div className={styles.suggestions}>
        {SUGGESTIONS.map((text) => (
          <button key={text} type="button" onClick={() => send(text)} disabled={busy}>
            {text}
          </button>
        ))}
      </div>
    </div>
  );
}

function Bubble({ message }: { message: ChatMessage }) {
  return (
    <article className={styles.message} data-role={message.role} data-failed={message.failed}>
      <span className="visually-hidden">{message.role === "user" ? "You:" : "Assistant:"}</span>
      {message.toolCalls.length > 0 && (
        <ul className={styles.tools} aria-label="Tools used">
          {message.toolCalls.map((call, index) => (
            <ToolChip key={index} call={call} />
          ))}
        </ul>
      )}
      <p>{message.text}</p>
    </article>
  );
}
