"""Point-spread functions: models, measurement on beads, resampling, and preparation for deconvolution."""
