"""Keeps pods off this VM's Kubernetes node while an event stands, and moves those that run there."""
