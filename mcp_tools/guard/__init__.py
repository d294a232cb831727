"""The guard: the one place through which every call of every tool passes."""
