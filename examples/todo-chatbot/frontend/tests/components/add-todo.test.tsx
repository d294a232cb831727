import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { AddTodo } from "@/components/add-todo";
import { later } from "./api";

const field = () => screen.getByLabelText("New todo");
const button = () => screen.getByRole("button", { name: "Add" });

it("adds what was typed, trimmed, and is ready for the next", async () => {
  const add = jest.fn().mockResolvedValue(true);
  render(<AddTodo add={add} />);
  await userEvent.type(field(), "  Buy milk {Enter}");
  expect(add.mock.calls).toEqual([["Buy milk"]]);
  expect(field()).toHaveValue("");
  expect(field()).toHaveFocus();
});

it("keeps what was typed when the service refused it", async () => {
  render(<AddTodo add={jest.fn().mockResolvedValue(false)} />);
  await userEvent.type(field(), "Buy milk{Enter}");
  expect(field()).toHaveValue("Buy milk");
});

it("adds nothing from an empty field", async () => {
  const add = jest.fn();
  render(<AddTodo add={add} />);
  expect(button()).toBeDisabled();
  await userEvent.type(field(), "   {Enter}");
  expect(button()).toBeDisabled();
  expect(add).not.toHaveBeenCalled();
});

it("does not add twice while it waits", async () => {
  const answer = later<boolean>();
  const add = jest.fn().mockReturnValue(answer.promise);
  render(<AddTodo add={add} />);
  await userEvent.type(field(), "Buy milk{Enter}{Enter}");
  expect(button()).toBeDisabled();
  await act(async () => answer.resolve(true));
  expect(add).toHaveBeenCalledTimes(1);
});
