"""The embedding has lost its dimensions (CD3xx)."""
