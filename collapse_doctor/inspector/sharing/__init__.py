"""Names that hold one network, or share its parameters."""
