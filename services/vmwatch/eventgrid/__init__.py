"""Azure Event Grid as a second source of scheduled events, which also says how they ended (preview)."""
