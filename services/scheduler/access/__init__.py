"""Who calls: tokens from a file, tokens of an OIDC issuer, sessions of the portal."""
