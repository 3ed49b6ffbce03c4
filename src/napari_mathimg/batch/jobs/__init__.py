"""The parts of a job: which files it reads and writes, what was done before, and how its items are run."""
