import { argumentSummary } from "@/components/tool-chip";

it("shortens the arguments of a call", () => {
  expect(argumentSummary({ title: "buy milk", description: null, extra: "" })).toBe("buy milk");
  expect(argumentSummary({ id: 3, completed: true })).toBe("3, true");
  expect(argumentSummary({ nested: { a: 1 } })).toBe('{"a":1}');
  expect(argumentSummary({ title: "x".repeat(40) })).toHaveLength(32);
  expect(argumentSummary({})).toBe("");
});
