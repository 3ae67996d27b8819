"""What enters the watched models."""
