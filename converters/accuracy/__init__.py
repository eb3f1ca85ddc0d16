"""What eight bits cost, where, and what is done about it."""
