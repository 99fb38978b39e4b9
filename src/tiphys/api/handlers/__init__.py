"""The methods, one module a service of the contract."""
