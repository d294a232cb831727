"""The same operations on the sandbox and on a real cluster, and whether the same comes back."""
