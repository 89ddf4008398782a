"""Am I protected right now? What every part last said of itself, and what follows from it."""
