/** A todo as the backend sends it. */
export interface Todo {
  id: number | string;
  title: string;
  description: string | null;
  completed: boolean;
}

/** The fields of a todo that can be changed. */
export type TodoChange = Partial<Pick<Todo, "title" | "description" | "completed">>;

/** One tool the agent used to answer. */
export interface ToolCall {
  name: string;
  arguments: Record<string, unknown>;
  ok: boolean;
  result: unknown;
}

export interface ChatAnswer {
  reply: string;
  conversation_id: number | string;
  /** "offline" when no language model is configured. */
  model: string;
  tool_calls: ToolCall[];
}

export interface ChatMessage {
  /** Unique within the panel. */
  key: string;
  role: "user" | "assistant";
  text: string;
  toolCalls: ToolCall[];
  failed?: boolean;
}
