"use client";

import { useRef, useState } from "react";
import { chatApi, failureText, isSessionEnded } from "@/lib/client/api";
import type { ChatAnswer, ChatMessage } from "@/lib/types";

export interface Chat {
  messages: ChatMessage[];
  /** The model that answered last, or null before the first answer. */
  model: string | null;
  busy: boolean;
  send: (text: string) => Promise<void>;
  /** Forgets the conversation on this screen and starts a new one. */
  reset: () => void;
}

/**
 * One conversation with the assistant.
 *
 * @param onToolsUsed called after an answer that used tools, because the todos may have changed.
 */
export function useChat(onToolsUsed: () => void, onSessionEnded: () => void): Chat {
  const [messages, setMessages] = useState<ChatMessage[]>([]);
  const [model, setModel] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const conversation = useRef<ChatAnswer["conversation_id"] | undefined>(undefined);
  const counter = useRef(0);

  const append = (message: Omit<ChatMessage, "key">) => {
    counter.current += 1;
    const key = String(counter.current);
    setMessages((before) => [...before, { ...message, key }]);
  };

  const send: Chat["send"] = async (text) => {
    append({ role: "user", text, toolCalls: [] });
    setBusy(true);
    try {
      const answer = await chatApi.send(text, conversation.current);
      conversation.current = answer.conversation_id;
      setModel(answer.model);
      append({ role: "assistant", text: answer.reply, toolCalls: answer.tool_calls });
      if (answer.tool_calls.length > 0) onToolsUsed();
    } catch (failure) {
      if (isSessionEnded(failure)) onSessionEnded();
      append({ role: "assistant", text: failureText(failure), toolCalls: [], failed: true });
    } finally {
      setBusy(false);
    }
  };

  const reset = () => {
    conversation.current = undefined;
    setMessages([]);
  };

  return { messages, model, busy, send, reset };
}
