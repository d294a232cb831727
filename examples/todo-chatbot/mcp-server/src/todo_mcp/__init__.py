"""The todo tools of the chatbot as an MCP server over streamable HTTP."""

__version__ = "1.0.0"
