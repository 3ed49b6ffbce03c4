"""Files of microscopes: CZI, LIF and ND2, by libraries that keep their pixel sizes in units."""
