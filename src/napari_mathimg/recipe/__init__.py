"""What made a result, as plain values, and where it lies in the world."""
