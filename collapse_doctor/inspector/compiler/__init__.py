"""What is compiled is left alone, and what could not be seen because of it is told."""
