"""Pure measures of embeddings, each with its definition, range, null and source."""
