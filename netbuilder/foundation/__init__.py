"""What every other package stands on: problems, parameters, registries, jobs, safe files, preferences.

Imports neither Qt nor torch. Imported by every package; imports none of them.
"""
