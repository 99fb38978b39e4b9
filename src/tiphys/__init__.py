"""Tiphys: GitOps continuous delivery for Kubernetes. What is in Git is what runs."""

__version__ = "0.1.0"
