"""From flagged turns to annotation files and back into the training data."""
