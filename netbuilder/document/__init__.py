"""The document: everything a user edits, as one immutable value, and what can be done with such values.

Edits, differences, history, topology, files, the clipboard and automatic layout. Imports only `foundation`: neither
Qt nor torch, nor the layer catalog (callers give default parameters and port names).
"""
