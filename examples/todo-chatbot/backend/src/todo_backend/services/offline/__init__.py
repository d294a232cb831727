"""The model that answers when no language model is configured: rules instead of a network."""
