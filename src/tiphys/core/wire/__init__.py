"""The contract's messages: JSON values to bytes of Protocol Buffers and back, and what may be asked
over HTTP.
"""
