// A warning of React is a mistake in a component or in its test.
const complain = console.error;
beforeEach(() => {
  jest.spyOn(console, "error").mockImplementation((...parts: unknown[]) => {
    complain(...parts);
    throw new Error(`console.error: ${String(parts[0])}`);
  });
});
afterEach(() => jest.restoreAllMocks());
