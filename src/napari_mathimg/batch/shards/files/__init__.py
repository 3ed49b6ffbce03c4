"""The files of a run: written so that they are whole or not there, and read with care."""
