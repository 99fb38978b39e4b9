"""Backups of a control plane: what it manages, as documents, and back again."""
