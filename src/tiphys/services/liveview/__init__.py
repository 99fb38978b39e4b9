"""What is live, from the controller's index: resource trees, comparisons, clusters."""
