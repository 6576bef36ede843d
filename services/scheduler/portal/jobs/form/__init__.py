"""The form that creates, edits and clones jobs: a job's document taken apart into inputs, and put together again."""
