"""Data: sources that a data node can read, how they are split and normalized, and what they yield."""
