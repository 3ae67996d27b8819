"""When to look, what it costs, and when what was taken is worked on."""
