"""Insight: what a run's record says about how well it trains, and short runs that find out more.

Rules (`rules`) read a record and name what is wrong, at which layer, on what evidence, and what would mend it. Nothing
here knows Qt; torch is needed by the short runs alone.
"""
