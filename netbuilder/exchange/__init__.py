"""Exchange: networks leaving for other programs, as plain PyTorch."""
