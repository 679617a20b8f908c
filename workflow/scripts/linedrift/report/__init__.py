"""Report: figures, tables and pages that people read, files that programs read."""
