"""A read-only Git server over HTTP for examples and tests."""
