import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { TodoItem } from "@/components/todo-item";
import { todo } from "./api";

const change = jest.fn();
const remove = jest.fn();
const show = (item = todo(7, "Buy milk", { description: "two litres" })) =>
  render(
    <ul>
      <TodoItem todo={item} change={change} remove={remove} />
    </ul>,
  );

beforeEach(() => {
  change.mockResolvedValue(true);
  remove.mockResolvedValue(true);
});

it("shows the todo and ticks it off", async () => {
  show();
  const box = screen.getByRole("checkbox", { name: /Buy milk/ });
  expect(box).not.toBeChecked();
  expect(screen.getByText("two litres")).toBeVisible();
  await userEvent.click(box);
  expect(change).toHaveBeenCalledWith(7, { completed: true });
});

it("opens a todo that is done again", async () => {
  show(todo(7, "Buy milk", { completed: true }));
  await userEvent.click(screen.getByRole("checkbox", { name: "Buy milk" }));
  expect(change).toHaveBeenCalledWith(7, { completed: false });
});

it("edits title and note in place", async () => {
  show();
  await userEvent.click(screen.getByRole("button", { name: "Edit Buy milk" }));
  const title = screen.getByLabelText("Title");
  await userEvent.clear(title);
  await userEvent.type(title, "  Buy oat milk ");
  await userEvent.clear(screen.getByLabelText("Note"));
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(change).toHaveBeenCalledWith(7, { title: "Buy oat milk", description: "" });
  expect(screen.queryByLabelText("Title")).not.toBeInTheDocument();
});

it("keeps the editor open when saving failed", async () => {
  change.mockResolvedValue(false);
  show();
  await userEvent.click(screen.getByRole("button", { name: "Edit Buy milk" }));
  await userEvent.type(screen.getByLabelText("Title"), "!");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(screen.getByLabelText("Title")).toHaveValue("Buy milk!");
});

it("leaves the editor with Escape, saves nothing and gives the keyboard back", async () => {
  show();
  await userEvent.click(screen.getByRole("button", { name: "Edit Buy milk" }));
  await userEvent.keyboard("something else{Escape}");
  expect(change).not.toHaveBeenCalled();
  expect(screen.getByRole("button", { name: "Edit Buy milk" })).toHaveFocus();
});

it("deletes only after a second look", async () => {
  show();
  await userEvent.click(screen.getByRole("button", { name: "Delete Buy milk" }));
  expect(remove).not.toHaveBeenCalled();
  expect(screen.getByRole("button", { name: "Keep" })).toHaveFocus();
  await userEvent.click(screen.getByRole("button", { name: "Keep" }));
  expect(remove).not.toHaveBeenCalled();

  await userEvent.click(screen.getByRole("button", { name: "Delete Buy milk" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete" }));
  expect(remove).toHaveBeenCalledWith(7);
});

it("comes back when deleting failed", async () => {
  remove.mockResolvedValue(false);
  show();
  await userEvent.click(screen.getByRole("button", { name: "Delete Buy milk" }));
  await userEvent.click(screen.getByRole("button", { name: "Delete" }));
  expect(await screen.findByRole("button", { name: "Delete Buy milk" })).toBeVisible();
});
