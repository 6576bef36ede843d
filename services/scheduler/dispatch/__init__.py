"""From due to done: plan, claim, fire at the instant, run, record."""
