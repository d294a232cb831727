"""Longshore's MCP server: the only code that touches docker, minikube, helm or a cluster."""

__version__ = "0.1.0"
