"""The files of a job: which images it reads, where results go, and what is done by the journal beside them."""
