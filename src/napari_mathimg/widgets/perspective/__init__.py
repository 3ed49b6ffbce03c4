"""The Perspective dock: corners are marked in the image, and become a rectangle."""
