"""The start page: begin, go on with a recent project, or take a template."""
