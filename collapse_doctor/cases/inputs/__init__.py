"""The data are to blame (CD5xx)."""
