"""What the loss of a step means: its terms, and its value when all embeddings are equal."""
