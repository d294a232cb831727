"""The terminal assistant and the command line. It reaches the world through MCP tools alone."""
