"""What the numbers say: for dashboards and alerts, never a word of anybody's."""
