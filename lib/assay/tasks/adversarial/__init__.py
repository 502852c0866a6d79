"""Networks that are trained against each other, and how good what they make is."""
