"""Running a job: planned, shared among threads or machines, item by item."""
