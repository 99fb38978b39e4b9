"""Lists of applications: which of them, in which order, which of their fields, and how many."""
