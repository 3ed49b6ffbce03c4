"""The Lens dock: camera and lens are found in a database, or coefficients are given by hand."""
