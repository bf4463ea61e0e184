"""From corrected training data to a judged model, and into the running bot or not."""
