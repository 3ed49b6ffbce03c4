"""The live preview: what a run will give, computed for what is on screen and shown over the source."""
