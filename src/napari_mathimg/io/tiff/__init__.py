"""TIFF files: OME, ImageJ and plain ones."""
