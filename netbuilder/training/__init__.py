"""Training: the session, what it is told and what it tells; every tensor belongs to it. Imports no Qt."""
