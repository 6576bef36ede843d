"""Numbered SQL files, applied in order at start under a lock."""
