"""How this replica does, judged by itself: figures of the last hour, and the rules of the alerts applied to them."""
