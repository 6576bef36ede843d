"""The scheduler's rules as pure functions and frozen values; nothing here does I/O."""
