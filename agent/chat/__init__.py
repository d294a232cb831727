"""The chat: a conversation with an agent over the tool server, in a terminal, in a pipe, or as a stream of events."""
