"""OpenTelemetry traces: what led from an event to a decision, and from a due instant to a call."""
