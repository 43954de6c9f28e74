def without_default_limit():
    """Let the scheduler look for jobs when one ends, and not ever more often.

    Snakemake 9 starts at most 100 jobs a second by default, and whenever it looks for jobs it sets a
    timer to look again a second later. So every job that ends adds a look a second for the rest of
    the run: after 250 jobs half of the time of a core, in which none is started. Without a limit
    there are no timers. A limit of the user's own stays.
    """
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None
