"""What the backend and the MCP server do alike: database access, token checks, logs.

Each service carries these files, because an image is built from one folder; a test keeps the copies equal.
"""
