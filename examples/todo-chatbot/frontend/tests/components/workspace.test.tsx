import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Workspace } from "@/components/workspace";
import type { Todo } from "@/lib/types";
import { fakeFetch, todo } from "./api";

const router = { replace: jest.fn(), refresh: jest.fn() };
jest.mock("next/navigation", () => ({ useRouter: () => router }));

const VIEWER = { id: "u", name: "Ada Lovelace", email: "ada@example.org" };
const rows = () => screen.queryAllByRole("checkbox").map((box) => box.closest("label")?.textContent);

/** A backend in memory that lists the oldest first, as the real one does. */
function backend(todos: Todo[], broken: (method: string, path: string) => boolean = () => false) {
  return fakeFetch(({ method, path, body }) => {
    if (broken(method, path)) return { status: 503, body: { detail: "internal words" } };
    const id = Number(path.split("/").at(-1));
    const index = todos.findIndex((other) => other.id === id);
    if (method === "GET") return { body: [...todos] };
    if (method === "DELETE") return todos.splice(index, 1) && { status: 204 };
    if (method === "PATCH") return { body: (todos[index] = { ...todos[index]!, ...(body as Partial<Todo>) }) };
    if (path.endsWith("/chat")) {
      todos.push(todo(50, "by chat"));
      const call = { name: "add_todo", arguments: {}, ok: true, result: null };
      return { body: { reply: "Done.", conversation_id: "c", model: "offline", tool_calls: [call] } };
    }
    const created = todo(todos.length + 1, (body as Todo).title);
    todos.push(created);
    return { status: 201, body: created };
  });
}

it("shows the list, newest first, and what is open", async () => {
  backend([todo(1, "old"), todo(2, "new", { completed: true })]);
  render(<Workspace viewer={VIEWER} />);
  expect(screen.getByText("Loading your todos…")).toBeInTheDocument();
  expect(await screen.findByText("1 open, 1 done")).toBeVisible();
  expect(rows()).toEqual(["new", "old"]);
});

it("adds, ticks off, filters and deletes", async () => {
  const calls = backend([todo(1, "old")]);
  render(<Workspace viewer={VIEWER} />);
  await screen.findByText("old");
  await userEvent.type(screen.getByLabelText("New todo"), "new{Enter}");
  expect(rows()).toEqual(["new", "old"]);

  await userEvent.click(screen.getByRole("checkbox", { name: "old" }));
  await userEvent.click(within(screen.getByRole("group", { name: "Show" })).getByRole("button", { name: /Open/ }));
  expect(rows()).toEqual(["new"]);
  await userEvent.click(screen.getByRole("button", { name: "Delete new" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete" }));
  expect(screen.getByText("Nothing open. Well done.")).toBeVisible();
  expect(calls.map((call) => `${call.method} ${call.path}`)).toEqual([
    "GET /api/backend/todos",
    "POST /api/backend/todos",
    "PATCH /api/backend/todos/1",
    "DELETE /api/backend/todos/2",
  ]);
});

it("loads the list again after the assistant changed it", async () => {
  backend([]);
  render(<Workspace viewer={VIEWER} />);
  await screen.findByText(/Nothing on the list yet/);
  await userEvent.type(screen.getByLabelText("Message to the assistant"), "add by chat{Enter}");
  expect(await screen.findByRole("checkbox", { name: "by chat" })).toBeVisible();
});

it("takes a tick back when the service refuses it, and says so", async () => {
  backend([todo(1, "old")], (method) => method === "PATCH");
  render(<Workspace viewer={VIEWER} />);
  await userEvent.click(await screen.findByRole("checkbox", { name: "old" }));
  expect(screen.getByRole("checkbox", { name: "old" })).not.toBeChecked();
  expect(screen.getByRole("alert")).toHaveTextContent("The todo service cannot be reached right now");
});

it("offers another try when the list cannot be loaded", async () => {
  let down = true;
  backend([todo(1, "old")], () => down);
  render(<Workspace viewer={VIEWER} />);
  const again = await screen.findByRole("button", { name: "Try again" });
  down = false;
  await userEvent.click(again);
  expect(await screen.findByRole("checkbox", { name: "old" })).toBeVisible();
});

it("covers the page once the session has ended", async () => {
  fakeFetch(() => ({ status: 401, body: { detail: "Sign in to continue." } }));
  render(<Workspace viewer={VIEWER} />);
  const dialog = await screen.findByRole("dialog", { name: "Your session has ended" });
  expect(within(dialog).getByRole("link", { name: "Sign in again" })).toHaveAttribute("href", "/sign-in");
});

it("signs out", async () => {
  const calls = backend([]);
  render(<Workspace viewer={VIEWER} />);
  await screen.findByText(/Nothing on the list yet/);
  await userEvent.click(screen.getByRole("button", { name: "Sign out" }));
  expect(calls.at(-1)).toMatchObject({ method: "POST", path: "/api/auth/sign-out" });
  expect(router.replace).toHaveBeenCalledWith("/sign-in");
});

it("remembers the theme that was chosen", async () => {
  backend([]);
  render(<Workspace viewer={VIEWER} />);
  await screen.findByText(/Nothing on the list yet/);
  await userEvent.click(screen.getByRole("button", { name: /Theme: same as device/ }));
  await userEvent.click(screen.getByRole("button", { name: /Theme: light/ }));
  expect(document.documentElement.dataset.theme).toBe("dark");
  expect(localStorage.getItem("todo-chatbot-theme")).toBe("dark");
  await userEvent.click(screen.getByRole("button", { name: /Theme: dark/ }));
  expect(document.documentElement.dataset.theme).toBeUndefined();
});
