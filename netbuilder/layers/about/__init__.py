"""What is said of the layers, for pages and help; nothing here is needed to draw or train."""
