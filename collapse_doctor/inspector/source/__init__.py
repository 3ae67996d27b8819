"""The user's source: where a call was made, how operands are written, and which line made them."""
