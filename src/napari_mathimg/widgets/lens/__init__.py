"""The Lens dock: corrections for a camera and lens from a database, or with coefficients typed by the user."""
