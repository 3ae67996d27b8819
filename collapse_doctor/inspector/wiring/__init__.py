"""The way back: from the loss to the embeddings, to the parameters, and to what moves them."""
