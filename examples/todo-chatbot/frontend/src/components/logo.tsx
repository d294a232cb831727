/** The mark: a speech bubble with a tick, since talking is how things get done here. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path
        d="M8 3h16a6 6 0 0 1 6 6v10a6 6 0 0 1-6 6h-8.5l-6.3 4.6A.75.75 0 0 1 8 29v-4a6 6 0 0 1-6-6V9a6 6 0 0 1 6-6Z"
        fill="var(--accent)"
      />
      <path d="m10.5 14.2 3.9 3.9 7.3-8" fill="none" stroke="var(--on-accent)" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
