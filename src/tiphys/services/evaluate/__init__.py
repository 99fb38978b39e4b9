"""Evaluates what users wrote in languages: jq and Lua, in the sandbox and nowhere else."""
