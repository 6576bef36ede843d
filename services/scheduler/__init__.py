"""The scheduler: job collections, jobs and their executions, kept clear of hosts under maintenance."""
