"""The canvas: one widget that paints the graph from arrays and turns gestures into edits of the document."""
