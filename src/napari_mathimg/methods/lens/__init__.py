"""What lenses and lamps do to a picture: distortion, vignetting, shading, and their calibration."""
