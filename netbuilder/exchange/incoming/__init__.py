"""The ways in: modules, `.pt2` and ONNX files become documents that can be edited.

Each front end reads its own format into one small intermediate form (`operation`), from which `builder` makes nodes,
links, blocks and a layout. Weights travel beside it, by node path.
"""
