"""Who may do what: sessions, accounts and policies."""
