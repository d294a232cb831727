"""What must be there before the work can start: the checks of stage 1, over all engines."""
