"""Classification with a measurement of what was learnt."""
