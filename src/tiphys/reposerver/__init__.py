"""The render process: renders for others, and holds no credentials of any cluster."""
