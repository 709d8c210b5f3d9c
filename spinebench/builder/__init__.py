"""From source data sets of labelled images to a checked multiple-choice benchmark."""
