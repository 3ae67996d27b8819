"""Lines of a program that lead to the line a finding names: where its numbers, rows and axes began.

What was watched shows where a fault comes to light. Who wrote the 0 that switched an augmentation
off is only in the source. It is read when a diagnosis is made, never while the training runs.
"""
