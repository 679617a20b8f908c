"""The library of linedrift: pure functions on frames and arrays.

Modules import only what stands before them in the list of docs/architecture.md.
"""
