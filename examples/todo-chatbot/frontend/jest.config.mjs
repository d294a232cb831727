import nextJest from "next/jest.js";

/** @type {import("jest").Config} */
const config = {
  testEnvironment: "jsdom",
  testMatch: ["<rootDir>/tests/**/*.test.{ts,tsx}"],
  setupFilesAfterEnv: ["@testing-library/jest-dom", "<rootDir>/tests/setup.ts"],
  moduleNameMapper: { "^@/(.*)$": "<rootDir>/src/$1" },
  clearMocks: true,
};

const create = nextJest({ dir: import.meta.dirname })(config);

export default async function jestConfig() {
  const made = await create();
  // jose is published as ES modules only, which Jest has to translate.
  return { ...made, transformIgnorePatterns: ["/node_modules/(?!jose/)", "^.+\\.module\\.css$"] };
}
