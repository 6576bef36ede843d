"""How an action reaches its target; one module per protocol."""
