"""Stage 3: who, where, when, to whom, in what words. The domain, free of I/O."""
