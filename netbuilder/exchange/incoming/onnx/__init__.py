"""The ONNX front end: a file becomes operations of the catalog's layers.

`reading` takes bytes and hands on a checked `graph`; `network` walks it and keeps what is known of each value
(`values`), `arithmetic` works out what depends on no input, and a module a family of operators says which layers
compute the same. Nothing that a file names is ever looked up outside these tables.
"""
