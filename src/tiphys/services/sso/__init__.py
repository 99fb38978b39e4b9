"""Single sign-on: logins at a provider, its tokens as sessions here, groups, renewal, logout."""
