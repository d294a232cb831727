import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { ChatPanel } from "@/components/chat-panel";
import { fakeFetch, later } from "./api";

const onToolsUsed = jest.fn();
const onSessionEnded = jest.fn();
const show = () => render(<ChatPanel onToolsUsed={onToolsUsed} onSessionEnded={onSessionEnded} />);
const field = () => screen.getByLabelText("Message to the assistant");
const log = () => screen.getByRole("log");

const ADDED = {
  reply: 'Added "buy milk" to your list (#1).',
  conversation_id: "c-1",
  model: "offline",
  tool_calls: [{ name: "add_todo", arguments: { title: "buy milk" }, ok: true, result: { id: 1 } }],
};

it("sends a message, shows the answer and what was done for it", async () => {
  const calls = fakeFetch(() => ({ body: ADDED }));
  show();
  await userEvent.type(field(), "add buy milk{Enter}");
  expect(calls).toEqual([{ method: "POST", path: "/api/backend/chat", body: { message: "add buy milk" } }]);
  expect(within(log()).getByText("add buy milk")).toBeVisible();
  expect(within(log()).getByText(ADDED.reply)).toBeVisible();
  expect(within(screen.getByRole("list", { name: "Tools used" })).getByText("add_todo")).toBeVisible();
  expect(onToolsUsed).toHaveBeenCalledTimes(1);
  expect(field()).toHaveValue("");
});

it("says when no language model answers", async () => {
  fakeFetch(() => ({ body: ADDED }));
  show();
  expect(screen.queryByText("offline model")).not.toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Add buy milk" }));
  expect(screen.getByText("offline model")).toBeVisible();
});

it("shows no such badge for a language model", async () => {
  fakeFetch(() => ({ body: { ...ADDED, model: "gpt-5", tool_calls: [] } }));
  show();
  await userEvent.type(field(), "hi{Enter}");
  expect(screen.queryByText("offline model")).not.toBeInTheDocument();
  expect(onToolsUsed).not.toHaveBeenCalled();
});

it("stays in its conversation until a new one is begun", async () => {
  const calls = fakeFetch(() => ({ body: ADDED }));
  show();
  await userEvent.type(field(), "one{Enter}");
  await userEvent.type(field(), "two{Enter}");
  await userEvent.click(screen.getByRole("button", { name: "New chat" }));
  expect(screen.queryByText(ADDED.reply)).not.toBeInTheDocument();
  await userEvent.type(field(), "three{Enter}");
  expect(calls.map((call) => call.body)).toEqual([{ message: "one" }, { message: "two", conversation_id: "c-1" }, { message: "three" }]);
});

it("waits for an answer before it sends again", async () => {
  const answer = later<{ body: unknown }>();
  const calls = fakeFetch(() => answer.promise);
  show();
  await userEvent.type(field(), "one{Enter}");
  expect(screen.getByRole("status")).toHaveTextContent("The assistant is working");
  await userEvent.type(field(), "two{Enter}");
  expect(calls).toHaveLength(1);
  expect(field()).toHaveValue("two");
  await act(async () => answer.resolve({ body: ADDED }));
  expect(screen.queryByRole("status")).not.toBeInTheDocument();
});

it("starts a new line with Shift and Enter", async () => {
  const calls = fakeFetch(() => ({ body: ADDED }));
  show();
  await userEvent.type(field(), "one{Shift>}{Enter}{/Shift}two{Enter}");
  expect(calls[0]!.body).toEqual({ message: "one\ntwo" });
});

it("shows a tool that failed as failed", async () => {
  const call = { name: "delete_todo", arguments: { id: 9 }, ok: false, result: "There is no todo with id 9." };
  fakeFetch(() => ({ body: { ...ADDED, reply: "Sorry, that did not work.", tool_calls: [call] } }));
  show();
  await userEvent.type(field(), "delete 9{Enter}");
  expect(within(screen.getByRole("list", { name: "Tools used" })).getByRole("listitem")).toHaveTextContent("Failed: delete_todo9");
});

it.each([
  ["the backend is down", { status: 502, body: { detail: "internal words" } }, /The todo service cannot be reached right now/],
  ["the network is gone", new Error("Failed to fetch"), /There is no connection to the server/],
  ["the message is refused", { status: 422, body: { detail: [{ msg: "String too long" }] } }, /String too long/],
])("says so in the conversation when %s", async (_, answer, text) => {
  fakeFetch(() => answer);
  show();
  await userEvent.type(field(), "hi{Enter}");
  expect(within(log()).getByText(text)).toBeVisible();
  expect(onSessionEnded).not.toHaveBeenCalled();
});

it("tells the page when the session has ended", async () => {
  fakeFetch(() => ({ status: 401, body: { detail: "Sign in to continue." } }));
  show();
  await userEvent.type(field(), "hi{Enter}");
  expect(onSessionEnded).toHaveBeenCalledTimes(1);
});

it("shows text as text, whatever is in it", async () => {
  fakeFetch(() => ({ body: { ...ADDED, reply: "<img src=x onerror=alert(1)>" } }));
  show();
  await userEvent.type(field(), "hi{Enter}");
  expect(within(log()).getByText("<img src=x onerror=alert(1)>")).toBeVisible();
  expect(document.querySelector("img")).toBeNull();
});
