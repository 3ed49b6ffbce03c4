"""The Perspective dock: the user marks corners in the image, and the dock maps them to a rectangle."""
