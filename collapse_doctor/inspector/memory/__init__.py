"""What was written into the memory that operands lie in, and who handed it on."""
