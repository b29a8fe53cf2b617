"""The mistakes that `test_mistakes` tries, a module a family."""
