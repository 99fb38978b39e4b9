"""What is asked of Pods: their logs, and a terminal in them."""
