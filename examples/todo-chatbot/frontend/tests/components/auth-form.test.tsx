import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { AuthForm } from "@/components/auth-form";
import { fakeFetch } from "./api";

const router = { replace: jest.fn(), refresh: jest.fn() };
jest.mock("next/navigation", () => ({ useRouter: () => router }));

async function fill(fields: Record<string, string>, action: string): Promise<void> {
  for (const [label, value] of Object.entries(fields)) await userEvent.type(screen.getByLabelText(label), value);
  await userEvent.click(screen.getByRole("button", { name: action }));
}

it("signs in and opens the list", async () => {
  const calls = fakeFetch(() => ({ body: {} }));
  render(<AuthForm mode="sign-in" />);
  expect(screen.queryByLabelText("Name")).not.toBeInTheDocument();
  await fill({ Email: " ada@example.org ", Password: "correct horse" }, "Sign in");
  const body = { email: "ada@example.org", password: "correct horse" };
  expect(calls).toEqual([{ method: "POST", path: "/api/auth/sign-in/email", body }]);
  expect(router.replace).toHaveBeenCalledWith("/");
});

it("creates an account", async () => {
  const calls = fakeFetch(() => ({ body: {} }));
  render(<AuthForm mode="sign-up" />);
  await fill({ Name: "Ada", Email: "ada@example.org", Password: "correct horse" }, "Create account");
  const body = { name: "Ada", email: "ada@example.org", password: "correct horse" };
  expect(calls).toEqual([{ method: "POST", path: "/api/auth/sign-up/email", body }]);
  expect(router.replace).toHaveBeenCalledWith("/");
});

it.each([
  [{ status: 401, body: { message: "Invalid email or password" } }, "Email or password is not right."],
  [{ status: 503, body: { message: "internal words" } }, "Accounts are not available right now. Try again in a moment."],
  [{ status: 429, body: { message: "Too many requests." } }, "Too many requests."],
  [new Error("Failed to fetch"), "Accounts are not available right now. Try again in a moment."],
])("says what is wrong and can be sent again", async (answer, text) => {
  fakeFetch(() => answer);
  render(<AuthForm mode="sign-in" />);
  await fill({ Email: "ada@example.org", Password: "wrong" }, "Sign in");
  expect(screen.getByRole("alert")).toHaveTextContent(text);
  expect(screen.getByRole("button", { name: "Sign in" })).toBeEnabled();
  expect(screen.getByLabelText("Password")).toHaveValue("wrong");
  expect(router.replace).not.toHaveBeenCalled();
});

it("asks for a password of eight characters when an account is made, and for any when signing in", () => {
  const { unmount } = render(<AuthForm mode="sign-up" />);
  expect(screen.getByLabelText("Password")).toHaveAttribute("minlength", "8");
  expect(screen.getByLabelText("Password")).toHaveAccessibleDescription("At least 8 characters.");
  expect(screen.getByLabelText("Password")).toHaveAttribute("autocomplete", "new-password");
  unmount();
  render(<AuthForm mode="sign-in" />);
  expect(screen.getByLabelText("Password")).not.toHaveAttribute("minlength");
  expect(screen.getByRole("link", { name: "Create an account" })).toHaveAttribute("href", "/sign-up");
});
