"""Who takes care of the Applications: one controller at a time, and it is said which."""
