"""One step of a run: evaluate, trigger, check the job, close."""
