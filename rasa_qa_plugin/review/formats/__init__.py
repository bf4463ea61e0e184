"""Annotation formats: one module per tool, each with `dump` and `load`."""
