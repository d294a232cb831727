"""``longshore mcp install``: the configuration of MCP clients, edited without losing anything of theirs."""
