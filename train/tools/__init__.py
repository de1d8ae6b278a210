"""Commands used once or by maintainers: starting weights, skin tone, the README's figures."""
