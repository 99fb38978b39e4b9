"""What a webhook means: who sent it, can it be believed, what was pushed, whom it concerns."""
