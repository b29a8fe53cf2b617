"""The compiler: a document's shapes, problems and costs, and its program: text, and from the text a module."""
