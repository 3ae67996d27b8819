"""Active tests: a copy of the model is run on a batch of the user's, after the training."""
