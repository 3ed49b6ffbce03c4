"""OME-Zarr: multiscale images in folders and behind addresses, read with care where indexed, written in shards."""
