"""What the tests of the two Python services share: a real PostgreSQL, tokens, and services served over HTTP."""
