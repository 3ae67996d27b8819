"""What a summary is made of: each part is built from a block of rows and merges with its like."""
