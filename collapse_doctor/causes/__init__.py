"""What follows from what: the graph of causes, its root, and what would tell two causes apart."""
