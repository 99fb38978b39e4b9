"""Projects: what they allow while applications are reconciled, and how people change them."""
