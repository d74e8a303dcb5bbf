"""Does one step of a run: evaluate, trigger, check the job, or close."""
