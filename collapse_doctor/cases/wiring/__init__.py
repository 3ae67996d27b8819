"""The loss or its gradient is not what its author thinks (CD2xx)."""
