"""What is read from Pods: lines of logs, and which Pods are meant. Pure."""
