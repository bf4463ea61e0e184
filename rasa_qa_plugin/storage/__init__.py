"""What is kept: tables, and the functions that read and write them on a connection."""
