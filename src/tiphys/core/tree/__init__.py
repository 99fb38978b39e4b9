"""Owners, facts and node info of live objects: what the resource tree is made of. Pure."""
