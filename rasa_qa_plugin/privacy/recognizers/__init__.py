"""Presidio recognizers for Spanish and English chat, one module per kind of value."""
