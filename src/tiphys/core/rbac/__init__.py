"""Who may do what: policies, how they match, and in which order they are asked."""
