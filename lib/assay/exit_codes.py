"""Exit codes of every command: what a shell, a scheduler or a supervisor goes by."""

OK = 0
FAILED = 1  # some trial failed, or the disk refused
WRONG_INPUT = 2
STOPPED = 75  # the same command goes on where this one was: EX_TEMPFAIL of sysexits.h
